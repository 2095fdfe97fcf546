package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/org"
)

// writeSnapshots writes snapshots as --once.output says.
func writeSnapshots(w io.Writer, output string, snapshots []org.Snapshot, now time.Time) error {
	if output == "metrics" {
		return writeMetrics(w, snapshots, now)
	}
	var all []report
	for _, s := range snapshots {
		all = append(all, newReport(s, now))
	}
	if output == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(all)
	}
	for i, r := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := r.writeTable(w); err != nil {
			return err
		}
	}
	return nil
}

// A report is a snapshot as a person or a script reads it. What could not be
// read is absent.
type report struct {
	Organization string            `json:"organization"`
	Cloud        string            `json:"cloud"`
	Collectors   []collectorReport `json:"collectors"`
	Members      map[string]int    `json:"members,omitempty"` // by status
	Pending      []pendingReport   `json:"pending"`           // the most urgent first
}

type collectorReport struct {
	Collector string  `json:"collector"`
	Success   bool    `json:"success"`
	Items     *int    `json:"items,omitempty"`
	Seconds   float64 `json:"seconds"`
	Reason    string  `json:"reason,omitempty"`
	Error     string  `json:"error,omitempty"`
	Advice    string  `json:"advice,omitempty"`
}

// A pendingReport is an invitation or a withdrawal that waits for a decision.
type pendingReport struct {
	Kind         string    `json:"kind"`
	MemberID     string    `json:"member_id,omitempty"`
	Organization string    `json:"inviting_organization_id,omitempty"`
	Since        time.Time `json:"since,omitzero"`
	Expires      time.Time `json:"expires,omitzero"`
	Days         *float64  `json:"days_left,omitempty"`
}

func newReport(s org.Snapshot, now time.Time) report {
	r := report{Organization: s.Organization, Cloud: s.Cloud, Pending: []pendingReport{}}
	for _, c := range s.Collectors() {
		out := collectorReport{Collector: c.Name, Success: c.Success(), Seconds: c.Took.Seconds()}
		if c.Present {
			out.Items = &c.Items
		}
		if c.Err != nil {
			out.Reason, out.Error, out.Advice = string(c.Err.Reason), c.Err.Error(), c.Err.Advice
		}
		r.Collectors = append(r.Collectors, out)
	}
	if s.Members.Present {
		r.Members = s.MembersByStatus()
	}
	r.addInvitations("invitation", s.Invitations.Items, now)
	r.addInvitations("received invitation", s.Received.Items, now)
	for _, w := range s.Withdrawals.Items {
		r.Pending = append(r.Pending, pendingReport{Kind: "withdrawal", MemberID: w.MemberID, Since: w.Requested})
	}
	slices.SortStableFunc(r.Pending, func(a, b pendingReport) int {
		return cmp.Or(org.CompareTimes(a.Expires, b.Expires), org.CompareTimes(a.Since, b.Since))
	})
	return r
}

func (r *report) addInvitations(kind string, all []org.Invitation, now time.Time) {
	for _, i := range org.Pending(all) {
		out := pendingReport{
			Kind: kind, MemberID: cmp.Or(i.MemberID, i.ID), Organization: i.OrganizationID,
			Since: i.Created, Expires: i.Expires,
		}
		if !i.Expires.IsZero() {
			days := i.Expires.Sub(now).Hours() / 24
			out.Days = &days
		}
		r.Pending = append(r.Pending, out)
	}
}

// writeTable writes r for a person.
func (r *report) writeTable(w io.Writer) error {
	fmt.Fprintf(w, "%s (%s)\n\n", r.Organization, r.Cloud)
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "COLLECTOR\tSTATE\tITEMS\tTOOK")
	for _, c := range r.Collectors {
		state, items := "ok", "-"
		if !c.Success {
			state = "failed: " + c.Reason
		}
		if c.Items != nil {
			items = fmt.Sprint(*c.Items)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%.2f s\n", c.Collector, state, items, c.Seconds)
	}
	if r.Members != nil {
		fmt.Fprintln(t, "\nMEMBERS\tCOUNT\t\t")
		for _, status := range slices.Sorted(maps.Keys(r.Members)) {
			fmt.Fprintf(t, "%s\t%d\t\t\n", status, r.Members[status])
		}
	}
	if len(r.Pending) > 0 {
		fmt.Fprintln(t, "\nPENDING\tACCOUNT\tORGANIZATION\tSINCE\tEXPIRES\tDAYS LEFT")
		for _, p := range r.Pending {
			days := "-"
			if p.Days != nil {
				days = fmt.Sprintf("%.1f", *p.Days)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", p.Kind, cmp.Or(p.MemberID, "-"), cmp.Or(p.Organization, "-"), day(p.Since), day(p.Expires), days)
		}
	}
	return t.Flush()
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
