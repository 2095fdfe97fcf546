package cloud

import "github.com/cloudorg-exporter/cloudorg_exporter/internal/capture"

// awsFields are the documented fields of AWS Organizations and those of its
// errors. Names of accounts, units and policies are texts: they may be a
// person's. The ID of a handshake's party may be an address.
func awsFields() capture.Fields {
	return capture.Documented(map[capture.Kind]string{
		capture.Keep: `
			FeatureSet Type Status State JoinedMethod Action AwsManaged FailureReason Reason ServicePrincipal
			MaxResults Filter States __type`,
		capture.ID: `Id MasterAccountId AccountId GovCloudAccountId TargetId ParentId PolicyId NextToken Value`,
		capture.Path: `
			Arn MasterAccountArn Path Paths`,
		capture.Time: `
			JoinedTimestamp RequestedTimestamp CompletedTimestamp ExpirationTimestamp DelegationEnabledDate DateEnabled`,
		capture.Text: `
			Organization Roots OrganizationalUnits Accounts Handshakes Parties Resources CreateAccountStatuses DelegatedAdministrators
			DelegatedServices EnabledServicePrincipals Policies Targets PolicyTypes AvailablePolicyTypes
			Name Email MasterAccountEmail AccountName Description Message message`,
	})
}
