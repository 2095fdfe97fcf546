package cloud

import "github.com/cloudorg-exporter/cloudorg_exporter/internal/capture"

// ncpFields are the documented fields of both versions of NCP's Organization
// API, those that are expected of version 2, and those of its errors. Names of
// organizations, groups and policies are texts: they may be a person's.
func ncpFields() capture.Fields {
	return capture.Documented(map[capture.Kind]string{
		capture.Keep: `
			masterMemberYn groupYn defaultPolicyYn memberStatusCode expireDay applyCount
			memberStatus invitationStatus defaultPolicy pageNo pageSize totalElements totalPages
			status code error errorCode returnCode fieldErrors.field`,
		capture.ID: `
			organizationNo masterMemberNo memberNo organizationGroupNo upperOrganizationGroupNo policyNo orgNoForLev
			no accountGroupNo upperAccountGroupNo quotaPolicyNo`,
		capture.Path: `wholePath`,
		capture.Time: `
			joinYmdt regYmdt modYmdt leaveReqYmdt modifyYmdt registrationYmdt timestamp
			createdDateTime updatedDateTime requestedDateTime`,
		capture.Text: `
			organizationName organizationDesc masterMemberName masterMemberEmailAddress
			displayName organizationGroupName memberName memberAlias loginId memberEmailAddress memberStatusName
			policyName policyDesc policyDescription groupList applyGroupNameList
			organizations accountGroups accounts invitations receivedInvitations leaveRequests quotaPolicies
			name description quotaPolicy quotaPolicyName tags tagKey tagValue
			errors message msg detail details fieldErrors responseError returnMessage`,
	})
}
