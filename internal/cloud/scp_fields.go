package cloud

import "github.com/cloudorg-exporter/cloudorg_exporter/internal/capture"

// scpFields are the documented fields of SCP's Organization API and those of its
// errors.
func scpFields() capture.Fields {
	return capture.Documented(map[capture.Kind]string{
		capture.Keep: `count page size state type joined_method use_scp_yn versions.id status code`,
		capture.ID: `
			id organization_id target_account_id master_account_id delegation_account_id root_unit_id parent_unit_id
			created_by modified_by request_id global_request_id requestId`,
		capture.Time: `created_at modified_at requested_time expired_time joined_time not_before timestamp`,
		capture.Text: `
			organization_invitations account_invitations accounts organizations versions sort links href rel
			account_email account_name login_id organization_name name email parent_unit_name
			master_account_email master_account_login_id master_account_name
			errors error title detail related_resources response access_level action_name caused_auths message path`,
	})
}
