package cloud

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The answers for items are in their order, without those that vanished; an
// error or a panic leaves none.
func TestForEach(t *testing.T) {
	get := func(_ context.Context, item int) (int, int, error) {
		switch item {
		case 0:
			return 0, 0, errVanished
		case -1:
			panic("boom")
		case -2:
			return 0, 0, errors.New("refused")
		}
		return 10 * item, 1, nil
	}
	for _, tt := range []struct {
		items, want []int
		err         string
	}{
		{nil, nil, ""},
		{[]int{1, 2, 0, 3}, []int{10, 20, 30}, ""},
		{[]int{1, -1}, nil, "panic: boom"},
		{[]int{1, -2}, nil, "refused"},
	} {
		have, unparsed, err := forEach(t.Context(), &refresh{concurrency: 2}, tt.items, get)
		if diff := cmp.Diff(tt.want, have); diff != "" || unparsed != len(tt.want) {
			t.Errorf("%v: %d unparsed, answers (-want +have):\n%s", tt.items, unparsed, diff)
		}
		if (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("%v: want error %q, have %v", tt.items, tt.err, err)
		}
	}
}
