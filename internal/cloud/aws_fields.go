package cloud

import "github.com/cloudorg-exporter/cloudorg_exporter/internal/capture"

// awsFields are the documented fields of the operations of AWS Organizations
// that can be called, those of their requests and those of their errors. A
// service principal is no secret, but tells rows apart, as an identifier does.
func awsFields() capture.Fields {
	return capture.Documented(map[capture.Kind]string{
		capture.Keep: `
			FeatureSet Status State Type JoinedMethod Action AwsManaged FailureReason TargetType PolicyType
			MaxResults ActionType States Filter Filter.ActionType __type code Code Reason`,
		capture.ID: `
			Id MasterAccountId AccountId GovCloudAccountId TargetId ParentId PolicyId ParentHandshakeId NextToken
			ServicePrincipal`,
		capture.Path: `Arn MasterAccountArn Path Paths`,
		capture.Time: `
			JoinedTimestamp RequestedTimestamp ExpirationTimestamp CompletedTimestamp DelegationEnabledDate DateEnabled`,
		capture.Text: `
			Organization AvailablePolicyTypes MasterAccountEmail Roots Name PolicyTypes OrganizationalUnits Accounts Email
			Handshakes Parties Resources Value Policies Description Targets CreateAccountStatuses AccountName
			DelegatedAdministrators DelegatedServices EnabledServicePrincipals
			Message message`,
	})
}
