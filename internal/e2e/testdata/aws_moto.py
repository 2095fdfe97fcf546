"""Makes an organization in moto, with AWS's own Python client.

Arguments: the address of moto, and the IAM policy of the exporter. Prints the
exporter's keys and what was made, as JSON. The first calls are free; the others
are signed and authorized."""
import json
import sys

import boto3

address, policy = sys.argv[1:]


def client(service, key):
    return boto3.client(
        service, endpoint_url=address, region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"],
    )


anybody = {"AccessKeyId": "x", "SecretAccessKey": "x"}
iam = client("iam", anybody)  # three free calls for each of the two users
keys = {}
for name, document in [("admin", {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}), ("exporter", json.loads(policy))]:
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    keys[name] = iam.create_access_key(UserName=name)["AccessKey"]

org = client("organizations", keys["admin"])
made = org.create_organization(FeatureSet="ALL")["Organization"]
root = org.list_roots()["Roots"][0]["Id"]
units = [root]
for i in range(25):  # more than a page
    units.append(org.create_organizational_unit(ParentId=root, Name=f"Unit {i}")["OrganizationalUnit"]["Id"])
for i in range(3):
    units.append(org.create_organizational_unit(ParentId=units[1], Name=f"Below {i} 연구")["OrganizationalUnit"]["Id"])
accounts = []
for i in range(45):
    account = org.create_account(Email=f"a{i}@example.test", AccountName=f"A{i}")["CreateAccountStatus"]["AccountId"]
    accounts.append(account)
    if i % 3:
        org.move_account(AccountId=account, SourceParentId=root, DestinationParentId=units[i % len(units)]) if units[i % len(units)] != root else None
org.close_account(AccountId=accounts[7])
org.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
scp = org.create_policy(Type="SERVICE_CONTROL_POLICY", Name="Deny", Description="d", Content='{"Version": "2012-10-17", "Statement": []}')["Policy"]["PolicySummary"]["Id"]
for target in [root, units[1], units[2], accounts[0]]:
    org.attach_policy(PolicyId=scp, TargetId=target)
for service in ["guardduty.amazonaws.com", "ram.amazonaws.com"]:
    org.enable_aws_service_access(ServicePrincipal=service)
org.register_delegated_administrator(AccountId=accounts[1], ServicePrincipal="guardduty.amazonaws.com")

print(json.dumps({
    "access": keys["exporter"]["AccessKeyId"], "secret": keys["exporter"]["SecretAccessKey"],
    "organization": made["Id"], "master": made["MasterAccountId"], "groups": len(units), "accounts": len(accounts) + 1,
    "in_root": len(org.list_accounts_for_parent(ParentId=root)["Accounts"]), "root": root,
    "administrator": accounts[1], "policy": scp,
}))
