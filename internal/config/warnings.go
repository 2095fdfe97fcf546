package config

import (
	"fmt"
	"os"
)

// FindWarnings fills in Warnings: settings that are valid and probably mistakes. It
// finds a key file that every user of the machine can read, and two organizations
// of one cloud and address with the same access key. It reads the key files.
func (c *Config) FindWarnings() {
	c.Warnings = nil
	owners := map[string]string{} // names of organizations by identity and access key
	for _, o := range c.Organizations {
		name := o.Base().Name
		keys, ok := o.(interface{ sources() [3]source })
		if !ok {
			continue
		}
		for _, key := range keys.sources() {
			info, err := os.Stat(key.file)
			if err == nil && info.Mode().Perm()&0o004 != 0 {
				c.Warnings = append(c.Warnings, fmt.Sprintf("organization %q: every user of this machine can read %s: chmod o-r it", name, key.file))
			}
		}
		access, err := keys.sources()[0].read()
		if _, optional := o.(interface{ Given() bool }); optional || err != nil {
			continue // several roles can be assumed with the same key
		}
		id := o.Identity() + "\n" + access
		if other, found := owners[id]; found {
			c.Warnings = append(c.Warnings, fmt.Sprintf("organizations %q and %q have the same access key: they export the same data", other, name))
		}
		owners[id] = name
	}
}
