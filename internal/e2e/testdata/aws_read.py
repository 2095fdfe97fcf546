"""Reads an organization with AWS's own Python client, and prints it as JSON.

Arguments: the address, the access key and the secret key."""
import json
import sys

import boto3
from botocore.config import Config

address, access, secret = sys.argv[1:]
org = boto3.client(
    "organizations", endpoint_url=address, region_name="us-east-1", aws_access_key_id=access, aws_secret_access_key=secret,
    config=Config(retries={"max_attempts": 1}),
)


def all_of(operation, key, **parameters):
    rows, token = [], None
    while True:
        page = getattr(org, operation)(**parameters, **({"NextToken": token} if token else {}))
        rows += page[key]
        token = page.get("NextToken")
        if not token:
            return rows


me = org.describe_organization()["Organization"]
roots = all_of("list_roots", "Roots")
units, parents = [], [r["Id"] for r in roots]
while parents:
    below = [u for p in parents for u in all_of("list_organizational_units_for_parent", "OrganizationalUnits", ParentId=p)]
    units += below
    parents = [u["Id"] for u in below]
accounts = all_of("list_accounts", "Accounts")
by_parent = sum(len(all_of("list_accounts_for_parent", "Accounts", ParentId=p)) for p in [r["Id"] for r in roots] + [u["Id"] for u in units])
handshakes = all_of("list_handshakes_for_organization", "Handshakes")
received = all_of("list_handshakes_for_account", "Handshakes")
policies = [p for t in roots[0]["PolicyTypes"] for p in all_of("list_policies", "Policies", Filter=t["Type"])]
administrators = all_of("list_delegated_administrators", "DelegatedAdministrators")
print(json.dumps({
    "boto3": boto3.__version__,
    "organization": me["Id"], "master": me["MasterAccountId"], "groups": len(roots) + len(units), "accounts": len(accounts), "by_parent": by_parent,
    "states": sorted(f"{a['Id']} {a['State']} {a['JoinedTimestamp'].timestamp():.0f}" for a in accounts if "JoinedTimestamp" in a),
    "handshakes": sorted(f"{h['Id']} {h['Action']} {h['State']} {h['ExpirationTimestamp'].timestamp():.0f}" for h in handshakes),
    "received": sorted(h["Id"] for h in received),
    "policies": sorted(p["Id"] for p in policies),
    "targets": {p["Id"]: len(all_of("list_targets_for_policy", "Targets", PolicyId=p["Id"])) for p in policies},
    "creations": sorted(c["Id"] for c in all_of("list_create_account_status", "CreateAccountStatuses", States=["IN_PROGRESS", "FAILED"])),
    "delegations": sorted(f"{a['Id']} {s['ServicePrincipal']}" for a in administrators for s in all_of("list_delegated_services_for_account", "DelegatedServices", AccountId=a["Id"])),
    "services": sorted(s["ServicePrincipal"] for s in all_of("list_aws_service_access_for_organization", "EnabledServicePrincipals")),
}))
