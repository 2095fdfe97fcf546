package store

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// version is that of the format. A field that is added needs no other one.
const version = 1

// header is the first line of a file: the version, and the SHA-256 of what
// follows, by which the line has the same length in each file of a version.
const header = "cloudorg_exporter state %d sha256 %x\n"

// errIdentity says that a file is whole and of another organization.
var errIdentity = errors.New("it is of another cloud, base_url or api_version")

// An owner is whose state a file has.
type owner struct {
	organization string
	identity     string
	fingerprint  func() string
}

// content is what follows the first line, in JSON.
type content struct {
	Organization string
	Salt         []byte
	Identity     []byte
	Fingerprint  []byte
	State        org.Saved
	Same         same
	Transitions  []transition
}

// same says which baselines are the items of the listing, and not stored twice.
type same struct{ Members, Invitations, Received, Withdrawals bool }

// transition is a key and its value of a map that JSON does not have.
type transition struct {
	org.Transition
	Count uint64
}

// salted returns a keyed hash of text. The salt is random: two files have
// different hashes of one text.
func salted(salt []byte, text string) []byte {
	h := hmac.New(sha256.New, salt)
	_, _ = io.WriteString(h, text) // a hash returns no error
	return h.Sum(nil)
}

// encode writes a file.
func encode(w io.WriteSeeker, o owner, s org.Saved) error {
	c := content{Organization: o.organization, Salt: make([]byte, 16), State: s}
	_, _ = rand.Read(c.Salt) // never returns an error
	c.Identity, c.Fingerprint = salted(c.Salt, o.identity), salted(c.Salt, o.fingerprint())
	for t, n := range s.Transitions {
		c.Transitions = append(c.Transitions, transition{t, n})
	}
	c.State.Transitions, c.State.Known, c.State.Version = nil, org.Known{}, 0 // the last two are the cache's own
	b := &c.State.Baseline
	c.Same = same{
		Members:     share(s.Members.Items, &b.Members),
		Invitations: share(s.Invitations.Items, &b.Invitations),
		Received:    share(s.Received.Items, &b.Received),
		Withdrawals: share(s.Withdrawals.Items, &b.Withdrawals),
	}

	sum := sha256.New()
	out := bufio.NewWriterSize(w, 64<<10)
	if _, err := fmt.Fprintf(out, header, version, make([]byte, sha256.Size)); err != nil {
		return err
	}
	if err := json.MarshalWrite(io.MultiWriter(out, sum), c, options()); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if _, err := w.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, header, version, sum.Sum(nil))
	return err
}

// share reports whether the baseline is the items, and removes it in that case.
func share[T any](items []T, baseline *[]T) bool {
	if len(items) == 0 || len(items) != len(*baseline) || &items[0] != &(*baseline)[0] {
		return false
	}
	*baseline = nil
	return true
}

// decode reads a file. If the keys or the configuration have changed since it
// was written, a refresh is due at once.
func decode(data []byte, o owner) (*org.Saved, error) {
	line, body, _ := bytes.Cut(data, []byte("\n"))
	var v int
	if _, err := fmt.Sscanf(string(line), "cloudorg_exporter state %d ", &v); err != nil {
		return nil, errors.New("it does not begin as a stored state")
	}
	if v != version {
		return nil, fmt.Errorf("its format has version %d, this program reads version %d", v, version)
	}
	if string(line)+"\n" != fmt.Sprintf(header, version, sha256.Sum256(body)) {
		return nil, errors.New("its checksum does not match")
	}
	var c content
	if err := json.Unmarshal(body, &c, options()); err != nil {
		return nil, err
	}
	if c.Organization != o.organization {
		return nil, fmt.Errorf("it is of organization %q", c.Organization)
	}
	if !hmac.Equal(c.Identity, salted(c.Salt, o.identity)) {
		return nil, errIdentity
	}
	s := &c.State
	if !hmac.Equal(c.Fingerprint, salted(c.Salt, o.fingerprint())) {
		s.Next = time.Time{}
	}
	if c.Transitions != nil {
		s.Transitions = make(map[org.Transition]uint64, len(c.Transitions))
		for _, t := range c.Transitions {
			s.Transitions[t.Transition] = t.Count
		}
	}
	if c.Same.Members {
		s.Baseline.Members = s.Members.Items
	}
	if c.Same.Invitations {
		s.Baseline.Invitations = s.Invitations.Items
	}
	if c.Same.Received {
		s.Baseline.Received = s.Received.Items
	}
	if c.Same.Withdrawals {
		s.Baseline.Withdrawals = s.Withdrawals.Items
	}
	return s, nil
}

// options are those of both directions. What a cloud says need not be valid
// UTF-8, nor a date within the years of RFC 3339: such a date is unknown.
func options() json.Options {
	return json.JoinOptions(
		json.OmitZeroStructFields(true),
		jsontext.AllowInvalidUTF8(true),
		jsonv1.FormatDurationAsNano(true),
		json.WithMarshalers(json.JoinMarshalers(
			json.MarshalToFunc(func(out *jsontext.Encoder, e *org.Error) error {
				return json.MarshalEncode(out, failure{e.Reason, e.RetryAfter, e.Advice, e.Error()})
			}),
			json.MarshalToFunc(func(out *jsontext.Encoder, t time.Time) error {
				t = t.UTC()
				if year := t.Year(); year < 0 || year > 9999 {
					t = time.Time{}
				}
				return out.WriteToken(jsontext.String(t.Format(time.RFC3339Nano)))
			}),
		)),
		json.WithUnmarshalers(json.UnmarshalFromFunc(func(in *jsontext.Decoder, e *org.Error) error {
			var f failure
			if err := json.UnmarshalDecode(in, &f); err != nil {
				return err
			}
			*e = org.Error{Reason: f.Reason, RetryAfter: f.RetryAfter, Advice: f.Advice, Err: errors.New(f.Text)}
			return nil
		})),
	)
}

// failure is an org.Error whose cause is its text.
type failure struct {
	Reason     org.Reason
	RetryAfter time.Duration
	Advice     string
	Text       string
}
