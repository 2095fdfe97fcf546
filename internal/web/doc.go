// Package web serves what the exporter has beside metrics: the status page,
// one page per organization, health, reload, the configuration and service
// discovery. No handler waits for a cloud's API.
package web
