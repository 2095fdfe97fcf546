package collector

import (
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

func creations() []family {
	return of("account_creations", []family{{
		name:   "account_creations",
		help:   "Requests to create an account that are running or have failed, by the status the cloud reports. Failed ones stay listed for long. Cached.",
		labels: []string{"status"},
		samples: func(v *view) []sample {
			return tally(v.Creations.Items, v.Known.Creations, func(c org.Creation) string { return c.Status })
		},
	}, {
		name:   "account_creation_failures",
		help:   "Failed requests to create an account that the cloud still lists, by the reason it reports. Cached.",
		labels: []string{"reason"},
		samples: func(v *view) []sample {
			return tally(v.Creations.Items, nil, func(c org.Creation) string { return c.Reason })
		},
	}, {
		name: "account_creation_last_failure_timestamp_seconds",
		help: "When the creation of an account failed last, in seconds since 1970; absent if none is listed. Cached.",
		samples: func(v *view) []sample {
			var last time.Time
			for _, c := range v.Creations.Items {
				if c.Reason != "" && c.Completed.After(last) {
					last = c.Completed
				}
			}
			return one(unix(last))
		},
	}})
}
