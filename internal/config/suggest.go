package config

import (
	"reflect"
	"strings"

	"github.com/agnivade/levenshtein"
)

// suggest returns the one of names that word is most probably meant to be, or
// "".
func suggest(word string, names []string) string {
	best, least := "", 3 // more edits are another word
	for _, name := range names {
		if d := levenshtein.ComputeDistance(word, name); d < least {
			best, least = name, d
		}
	}
	return best
}

// yamlKeys returns the keys of a struct, and of those that it embeds.
func yamlKeys(t reflect.Type) []string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var keys []string
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			keys = append(keys, yamlKeys(f.Type)...)
		case name != "":
			keys = append(keys, name)
		}
	}
	return keys
}
