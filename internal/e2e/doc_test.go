//go:build e2e

// Package e2e_test runs the built program as an operator does: as a process, with
// flags, files and signals, against simulated clouds on loopback addresses, and
// under a real Prometheus server and Alertmanager.
//
// What the tests use: exporter_test.go (the program), process_test.go (any
// process, its log, files, waiting), site_test.go (a cloud, which can fail),
// apis_test.go (what each API has, and how it refuses), certificate_test.go and
// socks_test.go (ways to reach it), evolving_test.go (a company that changes),
// reading_test.go (a scrape), prometheus_api_test.go.
//
// What they show:
//
//	clouds that fail        faults_test.go, faults_list_test.go, faults_heavy_test.go, hostile_cloud_test.go
//	clients that fail       hostile_clients_test.go, sockets_test.go
//	operators' mistakes     operator_test.go
//	stored data             storage_test.go, restart_test.go, crash_test.go
//	a long life             soak_test.go
//	Prometheus, Grafana     prometheus_test.go, prometheus_restart_test.go, discovery_test.go, compose_test.go
//	programs of others      parser_test.go, aws_test.go
//
// Tests that measure memory or time run alone. Those that mostly wait run at the
// end, in parallel.
package e2e_test
