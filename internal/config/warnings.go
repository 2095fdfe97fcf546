package config

import (
	"fmt"
	"os"
)

// Warnings returns what is valid and probably a mistake: a key file that every
// user of the machine can read, and two organizations of one cloud and address
// with the same access key.
func (c *Config) Warnings() []string {
	var all []string
	owners := map[string]string{} // names of organizations by identity and access key
	for _, o := range c.Organizations {
		name := o.Base().Name
		keys, ok := o.(interface{ Pair() *KeyPair })
		if !ok {
			continue
		}
		pair := keys.Pair()
		for _, file := range []string{pair.AccessKeyFile, pair.SecretKeyFile} {
			info, err := os.Stat(file)
			if err == nil && info.Mode().Perm()&0o004 != 0 {
				all = append(all, fmt.Sprintf("organization %q: every user of this machine can read %s: chmod o-r it", name, file))
			}
		}
		key, err := pair.sources()[0].read()
		if err != nil {
			continue
		}
		id := o.Identity() + "\n" + key
		if other, found := owners[id]; found {
			all = append(all, fmt.Sprintf("organizations %q and %q have the same access key: they export the same data", other, name))
		}
		owners[id] = name
	}
	return all
}
