package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/cloud"
	"github.com/cloudorg-exporter/cloudorg_exporter/internal/config"
	webui "github.com/cloudorg-exporter/cloudorg_exporter/internal/web"
)

// defaultAddress has the port of this exporter.
const defaultAddress = ":10076"

// flags are the command line.
type flags struct {
	configFile             string
	configCheck            bool
	demo                   bool
	once                   bool
	onceOutput             string
	onceOrganization       string
	onceCapture            string
	telemetryPath          string
	probePath              string
	healthAddress          string
	healthCheck            bool
	lifecycle              bool
	pprof                  bool
	disableExporterMetrics bool
	timeoutOffset          time.Duration
	storagePath            string
	shard                  int
	totalShards            int
	logLevel               string
	logFormat              string
	web                    *web.FlagConfig
}

// A loader loads the configuration.
type loader func() (*config.Config, error)

// parseFlags returns nil without an error if the arguments asked for a text
// that has been written.
func parseFlags(args []string, stdout io.Writer) (*flags, error) {
	var f flags
	done := false
	app := kingpin.New("cloudorg_exporter", "Exports the state of cloud organizations to Prometheus.")
	app.UsageWriter(stdout).ErrorWriter(stdout).Terminate(func(int) { done = true })
	app.Version(version.Print("cloudorg_exporter"))
	app.HelpFlag.Short('h')
	app.Flag("config.file", "Configuration file. Without it, NCLOUD_ACCESS_KEY and NCLOUD_SECRET_KEY in the environment configure one NCP organization, which CLOUDORG_ORGANIZATION names.").StringVar(&f.configFile)
	app.Flag("config.check", "Validate the configuration and exit: 0 if it is valid, else 1.").BoolVar(&f.configCheck)
	app.Flag("demo", "Export simulated organizations, in which a day passes every minute.").BoolVar(&f.demo)
	app.Flag("once", "Refresh once, write the result to standard output and a diagnosis to standard error, and exit: 1 if any collector failed, else 0.").BoolVar(&f.once)
	app.Flag("once.output", "Output of --once: metrics, table or json.").Default("metrics").EnumVar(&f.onceOutput, "metrics", "table", "json")
	app.Flag("once.organization", "The only organization that --once reads.").StringVar(&f.onceOrganization)
	app.Flag("once.capture", "Directory, which is made or is empty, for the calls of --once, anonymised, to be sent with a bug report.").StringVar(&f.onceCapture)
	app.Flag("web.telemetry-path", "Path of the metrics of all organizations.").Default("/metrics").StringVar(&f.telemetryPath)
	app.Flag("web.probe-path", "Path of the metrics of one organization.").Default("/probe").StringVar(&f.probePath)
	app.Flag("web.health-address", "Extra plain-HTTP address that serves only "+webui.PathHealthy+" and "+webui.PathReady+".").StringVar(&f.healthAddress)
	app.Flag("web.health-check", "Check the health of an exporter running with the same flags and exit: 0 if it is healthy, else 1.").BoolVar(&f.healthCheck)
	app.Flag("web.enable-lifecycle", "Reload the configuration on POST or PUT "+webui.PathReload+".").BoolVar(&f.lifecycle)
	app.Flag("web.enable-pprof", "Serve profiles under /debug/pprof/.").BoolVar(&f.pprof)
	app.Flag("web.disable-exporter-metrics", "Exclude metrics about the exporter itself (promhttp_*, process_*, go_*).").BoolVar(&f.disableExporterMetrics)
	app.Flag("scrape.timeout-offset", "Offset to subtract from Prometheus's scrape timeout.").Default("500ms").DurationVar(&f.timeoutOffset)
	app.Flag("storage.path", "Directory that keeps data and counters over a restart; empty: nothing is kept. Ignored with --once, --config.check and --demo.").StringVar(&f.storagePath)
	app.Flag("shard", "Index of this shard, from 0.").Default("0").IntVar(&f.shard)
	app.Flag("total-shards", "Number of shards that share the organizations.").Default("1").IntVar(&f.totalShards)
	app.Flag("log.level", "Minimum level to log: debug, info, warn or error.").Default("info").EnumVar(&f.logLevel, "debug", "info", "warn", "error")
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
	case !f.once && (f.onceOutput != "metrics" || f.onceOrganization != "" || f.onceCapture != ""):
		return errors.New("--once.output, --once.organization and --once.capture need --once")
	}
	return checkPaths(f.telemetryPath, f.probePath)
}

// checkPaths rejects paths that cannot be served, or are in use.
func checkPaths(telemetry, probe string) error {
	taken := map[string]bool{"/": true, webui.PathConfig: true, webui.PathDiscovery: true, webui.PathOrganization: true}
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

// load reads the configuration that the command line names, and keeps the
// organizations of this shard.
func (f *flags) load() (*config.Config, error) {
	var cfg *config.Config
	var err error
	if f.configFile == "" {
		cfg, err = config.FromEnvironment(os.Getenv, cloud.Configs())
	} else {
		cfg, err = config.Load(f.configFile, cloud.Configs())
	}
	if err != nil {
		return nil, err
	}
	cfg.Shard(f.shard, f.totalShards)
	cfg.FindWarnings()
	return cfg, nil
}

// address returns the URL of the exporter for a browser on this machine.
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
