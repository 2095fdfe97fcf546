package awsapi

import "golang.org/x/time/rate"

// pace returns limiters for half of the published rates of an account: everybody
// in the account shares those. Operations in one row share a limit.
// Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html.
func pace() map[string]*rate.Limiter {
	limits := map[string]*rate.Limiter{}
	for _, row := range []struct {
		perSecond  float64
		burst      int
		operations []string
	}{
		{1, 2, []string{describeOrganization}},
		{1, 2, []string{listRoots}},
		{8, 12, []string{listAccounts}},
		{5, 8, []string{listUnits, listAccountsForParent}},
		{5, 8, []string{listHandshakes, listReceivedHandshakes}},
		{5, 8, []string{listCreations}},
		{5, 8, []string{listPolicies, listTargets}},
		{5, 8, []string{listAdministrators}},
		{1, 3, []string{listServiceAccess, listDelegatedServices}},
	} {
		limit := rate.NewLimiter(rate.Limit(row.perSecond/2), (row.burst+1)/2)
		for _, operation := range row.operations {
			limits[operation] = limit
		}
	}
	return limits
}
