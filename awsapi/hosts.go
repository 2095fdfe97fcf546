package awsapi

import "strings"

// A Partition is a part of AWS with accounts and organizations of its own.
type Partition struct {
	Region string // that requests are signed for
	Host   string // of the API
}

// PartitionOf returns the partition that a region belongs to. An unknown one
// belongs to the commercial partition.
// Source: https://docs.aws.amazon.com/general/latest/gr/ao.html.
func PartitionOf(region string) Partition {
	for _, p := range []struct{ prefix, region, suffix string }{
		{"cn-", "cn-northwest-1", "amazonaws.com.cn"},
		{"us-gov-", "us-gov-west-1", "amazonaws.com"},
		{"eusc-", "eusc-de-east-1", "amazonaws.eu"},
		{"us-iso-", "us-iso-east-1", "c2s.ic.gov"},
		{"us-isob-", "us-isob-east-1", "sc2s.sgov.gov"},
		{"eu-isoe-", "eu-isoe-west-1", "cloud.adc-e.uk"},
		{"us-isof-", "us-isof-south-1", "csp.hci.ic.gov"},
		{"", "us-east-1", "amazonaws.com"},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return Partition{Region: p.region, Host: "organizations." + p.region + "." + p.suffix}
		}
	}
	return Partition{}
}
