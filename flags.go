package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	webui "github.com/cloudorg-exporter/cloudorg_exporter/internal/web"
)

// defaultAddress has the port of this exporter.
const defaultAddress = ":10076"

// flags are the command line.
type flags struct {
	configFile    string
	configCheck   bool
	demo          bool
	once          bool
	telemetryPath string
	probePath     string
	healthAddress string
	askHealth     bool
	lifecycle     bool
	pprof         bool
	timeoutOffset time.Duration
	shard         int
	totalShards   int
	logLevel      string
	logFormat     string
	web           *web.FlagConfig
}

// parseFlags returns nil without an error if the arguments asked for a text
// that has been written.
func parseFlags(args []string, stdout io.Writer) (*flags, error) {
	var f flags
	done := false
	app := kingpin.New("cloudorg_exporter", "Exports the state of cloud organizations to Prometheus.")
	app.UsageWriter(stdout).ErrorWriter(stdout).Terminate(func(int) { done = true })
	app.Version(version.Print("cloudorg_exporter"))
	app.HelpFlag.Short('h')
	app.Flag("config.file", "Configuration file. Without it, NCLOUD_ACCESS_KEY and NCLOUD_SECRET_KEY in the environment make one organization.").StringVar(&f.configFile)
	app.Flag("config.check", "Validate the configuration and exit: 0 if it is valid, else 1.").BoolVar(&f.configCheck)
	app.Flag("demo", "Export made-up organizations, in which a day passes every minute.").BoolVar(&f.demo)
	app.Flag("once", "Refresh once, write the metrics to standard output and a diagnosis to standard error, and exit: 1 if anything failed.").BoolVar(&f.once)
	app.Flag("web.telemetry-path", "Path of the metrics of all organizations.").Default("/metrics").StringVar(&f.telemetryPath)
	app.Flag("web.probe-path", "Path of the metrics of one organization.").Default("/probe").StringVar(&f.probePath)
	app.Flag("web.health-address", "Address of a second, plain listener for "+webui.PathHealthy+" and "+webui.PathReady+" alone.").StringVar(&f.healthAddress)
	app.Flag("web.health-check", "Ask the exporter that runs with the same addresses whether it is alive, and exit: 0 if it is, else 1.").BoolVar(&f.askHealth)
	app.Flag("web.enable-lifecycle", "Reload the configuration on POST or PUT "+webui.PathReload+".").BoolVar(&f.lifecycle)
	app.Flag("web.enable-pprof", "Serve profiles under /debug/pprof/.").BoolVar(&f.pprof)
	app.Flag("scrape.timeout-offset", "How much earlier than Prometheus gives up a scrape is answered.").Default("500ms").DurationVar(&f.timeoutOffset)
	app.Flag("shard", "Which of the replicas this one is, from 0.").Default("0").IntVar(&f.shard)
	app.Flag("total-shards", "How many replicas share the organizations.").Default("1").IntVar(&f.totalShards)
	app.Flag("log.level", "Least severe lines to log: debug, info, warn or error.").Default("info").EnumVar(&f.logLevel, "debug", "info", "warn", "error")
	app.Flag("log.format", "Format of the log: logfmt or json.").Default("logfmt").EnumVar(&f.logFormat, "logfmt", "json")
	f.web = kingpinflag.AddFlags(app, defaultAddress)
	if _, err := app.Parse(args); err != nil {
		return nil, fmt.Errorf("%w, try --help", err)
	}
	if done {
		return nil, nil
	}
	return &f, f.check()
}

func (f *flags) check() error {
	switch {
	case f.totalShards < 1:
		return fmt.Errorf("--total-shards must be at least 1, not %d", f.totalShards)
	case f.shard < 0 || f.shard >= f.totalShards:
		return fmt.Errorf("--shard must be 0 to %d, not %d", f.totalShards-1, f.shard)
	case f.timeoutOffset < 0:
		return fmt.Errorf("--scrape.timeout-offset must not be below 0, not %s", f.timeoutOffset)
	case f.demo && f.configFile != "":
		return errors.New("--demo and --config.file exclude each other")
	}
	return checkPaths(f.telemetryPath, f.probePath)
}

// checkPaths refuses paths that cannot be served, or are taken.
func checkPaths(telemetry, probe string) error {
	taken := map[string]bool{"/": true, "/config": true, "/sd": true}
	for _, p := range []struct{ flag, path string }{{"--web.telemetry-path", telemetry}, {"--web.probe-path", probe}} {
		switch {
		case !strings.HasPrefix(p.path, "/") || strings.ContainsAny(p.path, "{} ?#") || path.Clean(p.path) != p.path:
			return fmt.Errorf("%s must be a plain path like /metrics, not %q", p.flag, p.path)
		case taken[p.path] || strings.HasPrefix(p.path, "/-/") || strings.HasPrefix(p.path, "/debug/"):
			return fmt.Errorf("%s: %s is taken", p.flag, p.path)
		}
		taken[p.path] = true
	}
	return nil
}

// named returns err with the name of the configuration file, if there is one.
func (f *flags) named(err error) error {
	if err == nil || f.configFile == "" {
		return err
	}
	return fmt.Errorf("%s: %w", f.configFile, err)
}

// load reads the configuration that the command line names.
func (f *flags) load(getenv func(string) string) (*config.Config, error) {
	if f.configFile == "" {
		return config.FromEnvironment(getenv)
	}
	return config.Load(f.configFile)
}

// address returns where a browser on this machine finds the exporter.
func (f *flags) address() string { return browsable((*f.web.WebListenAddresses)[0]) }

// browsable returns the URL of what listens at address, for a client on this
// machine.
func browsable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
