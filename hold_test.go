package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"
	"golang.org/x/crypto/bcrypt"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/sim"
)

// fails runs the program, which must end with an error, and returns the log and
// the error.
func fails(t *testing.T, args ...string) (logged string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	log := &logBuffer{}
	err = run(ctx, append([]string{"--web.listen-address=" + free(t)}, args...), io.Discard, log)
	if err == nil {
		t.Fatalf("it does not fail: %v\n%s", args, log)
	}
	return log.String(), err
}

// With --log.format=json every line is JSON, the last one above all.
func TestEndsWithJSON(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, url := simulate(t, nil)
	config := write(t, "config.yml", "organizations:\n"+organization("acme", url))
	for name, args := range map[string][]string{
		"port taken":          {"--config.file=" + config, "--web.listen-address=" + taken.Addr().String()},
		"no port":             {"--config.file=" + config, "--web.listen-address=127.0.0.1:99999"},
		"health port taken":   {"--config.file=" + config, "--web.health-address=" + taken.Addr().String()},
		"no file":             {"--config.file=" + filepath.Join(t.TempDir(), "nope")},
		"no web.config.file":  {"--config.file=" + config, "--web.config.file=" + filepath.Join(t.TempDir(), "nope")},
		"bad web.config.file": {"--config.file=" + config, "--web.config.file=" + write(t, "web.yml", "nonsense: 1\n")},
		"bad configuration":   {"--config.file=" + write(t, "bad.yml", "organizations: []\n")},
	} {
		args = append([]string{"--log.format=json"}, args...)
		if name == "port taken" || name == "no port" { // the flag can be given once
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			logged := &logBuffer{}
			err = run(ctx, args, io.Discard, logged)
			cancel()
			checkJSONLog(t, name, err, logged.String())
			continue
		}
		logged, err := fails(t, args...)
		checkJSONLog(t, name, err, logged)
	}
}

func checkJSONLog(t *testing.T, name string, err error, logged string) {
	t.Helper()
	var last map[string]any
	for line := range strings.Lines(logged) {
		last = nil
		if json.Unmarshal([]byte(line), &last) != nil {
			t.Errorf("%s: not JSON: %s", name, line)
		}
	}
	if err == nil || last["level"] != "error" || last["err"] != err.Error() || last["ts"] == nil {
		t.Errorf("%s: want an error line with %v, have %v", name, err, last)
	}
}

// What --config.check calls valid starts, and its calls are not doomed. The
// inputs are those of real mistakes.
func TestCheckFindsWhatTheStartWould(t *testing.T) {
	dir := t.TempDir()
	certificate(t, dir)
	cert := "tls_server_config: {cert_file: cert.pem, key_file: key.pem"
	weak := write(t, filepath.Join(dir, "weak.yml"), cert+", max_version: TLS12, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]}\n")
	good := write(t, filepath.Join(dir, "good.yml"), cert+"}\n")
	_, url := simulate(t, nil)
	config := "--config.file=" + write(t, "config.yml", "organizations:\n"+organization("acme", url))
	check := func(args ...string) error {
		return run(t.Context(), append([]string{"--config.check"}, args...), io.Discard, io.Discard)
	}
	if err := check(config, "--web.config.file="+good); err != nil {
		t.Errorf("a good file: %v", err)
	}
	for _, args := range [][]string{{config, "--web.config.file=" + weak}} {
		err := check(args...)
		if err == nil || !strings.Contains(err.Error(), "--web.config.file: http2") {
			t.Errorf("%v: want the flag and the reason, have %v", args, err)
		}
		if _, started := fails(t, args...); started.Error() != err.Error() {
			t.Errorf("%v: the start says %v, the check %v", args, started, err)
		}
	}
	for _, client := range []string{
		"{basic_auth: {username: x, password_file: nope}}",
		"{authorization: {credentials_file: nope}}",
		"{oauth2: {client_id: x, client_secret_file: nope, token_url: 'http://127.0.0.1:1/t'}}",
		"{http_headers: {X-A: {files: [nope]}}}",
		"{tls_config: {ca_file: nope}}",
		"{oauth2: {client_id: x, client_secret: y, token_url: 'http://127.0.0.1:1/t', tls_config: {ca_file: nope}}}",
		"{tls_config: {ca_ref: nope}}",
	} {
		config := "--config.file=" + write(t, "config.yml", "organizations:\n"+organization("acme", url, "http_client_config: "+client))
		if err := check(config); err == nil || !strings.Contains(err.Error(), `organization "acme": http_client_config:`) || !strings.Contains(err.Error(), "nope") {
			t.Errorf("%s: want the organization and the file, have %v", client, err)
		}
	}
}

// proxy answers requests for any host itself.
func proxy(t *testing.T, h http.HandlerFunc) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// Without a file the environment's proxy is asked, and named when it refuses.
func TestProxyOfTheEnvironment(t *testing.T) {
	url, asked := proxy(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	t.Setenv("HTTPS_PROXY", url)
	t.Setenv("NCLOUD_ACCESS_KEY", access)
	t.Setenv("NCLOUD_SECRET_KEY", secret)
	p := start(t)
	p.ready()
	want := "proxy " + strings.TrimPrefix(url, "http://") + " refused the connection: 403 Forbidden"
	if asked.Load() != 1 || !strings.Contains(p.log.String(), want) || !strings.Contains(p.log.String(), "reason=network") {
		t.Errorf("want one call and %q, have %d\n%s", want, asked.Load(), p.log)
	}
}

// With a file, the proxy of the environment counts only if the file says so, and
// the advice says this.
func TestProxyWithAFile(t *testing.T) {
	url, asked := proxy(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	t.Setenv("HTTPS_PROXY", url)
	closed := "https://" + free(t)
	p := start(t, "--config.file="+write(t, "config.yml", "organizations:\n"+organization("acme", closed, "refresh_timeout: 500ms")))
	p.ready()
	if asked.Load() != 0 || !strings.Contains(p.log.String(), "HTTPS_PROXY is set and used only with http_client_config.proxy_from_environment: true") {
		t.Errorf("want no call and the advice, have %d\n%s", asked.Load(), p.log)
	}
}

// A wrong password is sent to a proxy once per refresh, whatever the number of
// listings.
func TestProxyPasswordIsSentOnce(t *testing.T) {
	for _, status := range []int{401, 403, 407} {
		url, asked := proxy(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		withUser := strings.Replace(url, "http://", "http://person:wrong-password@", 1)
		p := start(t, "--config.file="+write(t, "config.yml", "organizations:\n"+organization("acme", "https://api.example", "http_client_config: {proxy_url: '"+withUser+"'}")))
		p.ready()
		want := fmt.Sprintf("proxy %s refused the connection: %d %s", strings.TrimPrefix(url, "http://"), status, http.StatusText(status))
		if asked.Load() != 1 || strings.Count(p.log.String(), want) != 5 {
			t.Errorf("%d: want one call and five listings that say %q, have %d\n%s", status, want, asked.Load(), p.log)
		}
		if strings.Contains(p.log.String()+p.get("/")+p.get("/metrics"), "wrong-password") {
			t.Errorf("%d: the password is shown", status)
		}
		_ = p.stop()
	}
}

// The endpoint of an OAuth2 token that refuses is asked once per call, and its
// answer is not shown.
func TestTokenEndpointRefuses(t *testing.T) {
	url, asked := proxy(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error": "invalid_client", "error_description": "person@example.test has the secret hush-hush"}`)
	})
	_, api := simulate(t, nil)
	p := start(t, "--config.file="+write(t, "config.yml", "organizations:\n"+organization("acme", api, "collectors: [organization]",
		"http_client_config: {oauth2: {client_id: x, client_secret: hush-hush, token_url: '"+url+"'}}")))
	p.ready()
	// The library tries both ways to send the secret, once.
	if asked.Load() > 2 || !strings.Contains(p.log.String(), "the token endpoint of oauth2 refused: HTTP 401") || strings.Contains(p.log.String(), "hush-hush") || strings.Contains(p.log.String(), "person@") {
		t.Errorf("%d calls\n%s", asked.Load(), p.log)
	}
}

// marked adds a byte order mark to the answers of an API.
type marked struct{ http.Handler }

func (m marked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := httptest.NewRecorder()
	m.Handler.ServeHTTP(rec, r)
	w.WriteHeader(rec.Code)
	_, _ = io.WriteString(w, "\xef\xbb\xbf"+rec.Body.String())
}

// A byte order mark is no harm in a key file, the configuration, a certificate,
// the web.config.file and the API's JSON.
func TestByteOrderMarks(t *testing.T) {
	const mark = "\xef\xbb\xbf"
	ncp := sim.NewNCP(sim.Config{AccessKey: access, SecretKey: secret, Company: sim.Sample, Unexpected: t.Errorf})
	defer ncp.Close()
	server := httptest.NewTLSServer(marked{ncp})
	defer server.Close()
	dir := t.TempDir()
	certificate(t, dir)
	ca := write(t, filepath.Join(dir, "ca.pem"), mark+string(pemOf(server.Certificate().Raw)))
	write(t, filepath.Join(dir, "access"), mark+access+"\r\n")
	write(t, filepath.Join(dir, "secret"), mark+secret+"\r\n")
	hash, err := bcrypt.GenerateFromPassword([]byte("open sesame"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	config := write(t, filepath.Join(dir, "config.yml"), mark+fmt.Sprintf(
		"organizations:\n  - {name: acme, cloud: ncp, base_url: '%s', access_key_file: access, secret_key_file: secret, http_client_config: {tls_config: {ca_file: %s}}}\n", server.URL, ca))
	web := write(t, filepath.Join(dir, "web.yml"), mark+fmt.Sprintf("basic_auth_users: {prometheus: %q}\n", hash))
	health := free(t)
	address, ctx := free(t), t.Context()
	ctx, cancel := context.WithCancel(ctx)
	p := &program{t: t, url: "http://" + health, log: &logBuffer{}}
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--config.file=" + config, "--web.config.file=" + web, "--web.health-address=" + health, "--web.listen-address=" + address}, io.Discard, p.log)
	}()
	p.until("it listens", func() bool {
		resp, err := http.Get(p.url + "/-/healthy")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	p.ready()
	if !strings.Contains(p.log.String(), "first good reading") {
		t.Errorf("it was not read:\n%s", p.log)
	}
	p.url = "http://" + address
	if status, _ := p.do(http.MethodGet, "/metrics"); status != http.StatusUnauthorized {
		t.Errorf("without the password: %d", status)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
	// UTF-16 is named for what it is.
	write(t, filepath.Join(dir, "access"), "\xff\xfeN\x00A\x00")
	if _, err := fails(t, "--config.file="+config); !strings.Contains(err.Error(), "access is UTF-16: save it as UTF-8") {
		t.Errorf("UTF-16: %v", err)
	}
}

// What cannot be a key is refused at the start, with the organization and the
// reason, and no call is made.
func TestPlaceholders(t *testing.T) {
	ncp, url := simulate(t, nil)
	for text, want := range map[string]string{
		"${NCLOUD_ACCESS_KEY}":        "looks like a placeholder",
		"$NCLOUD_ACCESS_KEY":          "looks like a placeholder",
		`{{env"NCLOUD_ACCESS_KEY"}}`:  "looks like a placeholder",
		`"NCPACCESS"`:                 "has quotes",
		"NCLOUD_ACCESS_KEY=NCPACCESS": "is a line of an env file",
		"<your-access-key>":           "looks like a placeholder",
	} {
		for _, key := range []string{
			"access_key: " + fmt.Sprintf("%q", text),
			"access_key_file: " + write(t, "key", text+"\n"),
		} {
			yaml := strings.Replace("organizations:\n"+organization("acme", url), "access_key: "+access, key, 1)
			for _, mode := range [][]string{{}, {"--config.check"}} {
				_, err := fails(t, append(mode, "--config.file="+write(t, "config.yml", yaml))...)
				if !strings.Contains(err.Error(), `organization "acme": access_key`) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), text) {
					t.Errorf("%s %v: want %q and not the text, have %v", key, mode, want, err)
				}
			}
		}
	}
	if n := len(ncp.Calls()); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// A client that sends no timeout and gives up after five seconds gets an answer
// while an API hangs.
func TestShortClient(t *testing.T) {
	t.Parallel()
	ncp, url := simulate(t, nil)
	p := start(t, "--config.file="+write(t, "config.yml", "organizations:\n"+organization("acme", url, "cache_ttl: 1s", "error_ttl: 1s", "refresh_timeout: 25s")))
	p.ready()
	ncp.SetFault("/account/leave", sim.Fault{Hang: true})
	time.Sleep(1100 * time.Millisecond)
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for i := range 3 {
		begun := time.Now()
		resp, err := client.Get(p.url + "/metrics")
		if err != nil {
			t.Errorf("scrape %d: %v", i, err)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !bytes.Contains(body, []byte("\ncloudorg_pending_withdrawals{")) {
			t.Errorf("scrape %d: %v, without the last good data", i, err)
		}
		if took := time.Since(begun); i > 0 && took > time.Second {
			t.Errorf("scrape %d waited %s for a refresh that is late already", i, took)
		}
	}
}

// Connections that end before the TLS handshake are no warning; others are one
// per minute.
func TestHandshakesThatEnd(t *testing.T) {
	_, url := simulate(t, nil)
	dir := t.TempDir()
	certificate(t, dir)
	web := write(t, filepath.Join(dir, "web.yml"), "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n")
	address, health := free(t), free(t)
	p := &program{t: t, url: "http://" + health, log: &logBuffer{}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{
			"--config.file=" + write(t, "config.yml", "organizations:\n"+organization("acme", url)),
			"--web.config.file=" + web, "--web.health-address=" + health, "--web.listen-address=" + address,
		}, io.Discard, p.log)
	}()
	p.until("it listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close() // the check of a load balancer
		}
		return err == nil
	})
	for i := range 100 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if i >= 50 {
			_, _ = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
			_, _ = io.ReadAll(conn)
		}
		conn.Close()
	}
	p.until("it has seen all", func() bool { return strings.Contains(p.log.String(), "client sent an HTTP request to an HTTPS server") })
	time.Sleep(50 * time.Millisecond)
	if n := strings.Count(p.log.String(), "TLS handshake error"); n != 1 {
		t.Errorf("want one line about handshakes, have %d\n%s", n, p.log)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// Equal lines of a server come once a minute, with the number of those that were
// left out.
func TestServerLog(t *testing.T) {
	var out strings.Builder
	l := &serverLog{logger: log.NewLogfmtLogger(&out), seen: map[string]sameLines{}}
	now := time.Now()
	for i := range 3 * maxSameLines {
		if _, due := l.due(fmt.Sprint(i), now); !due || len(l.seen) > maxSameLines {
			t.Fatalf("line %d: due %t, %d are remembered", i, due, len(l.seen))
		}
	}
	for _, step := range []struct {
		after   time.Duration
		leftOut int
		due     bool
	}{{0, 0, true}, {time.Second, 0, false}, {59 * time.Second, 0, false}, {61 * time.Second, 2, true}, {62 * time.Second, 0, false}, {130 * time.Second, 1, true}} {
		if leftOut, due := l.due("x", now.Add(step.after)); leftOut != step.leftOut || due != step.due {
			t.Errorf("after %s: want %d %t, have %d %t", step.after, step.leftOut, step.due, leftOut, due)
		}
	}
	for i := range 10 {
		fmt.Fprintf(l, "http: TLS handshake error from 192.0.2.1:%d: tls: unknown certificate\n", i)
	}
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("want one line of ten that differ in the address, have %d:\n%s", n, &out)
	}
}

// blockedWriter blocks until it is released.
type blockedWriter struct {
	release chan struct{}
	logBuffer
}

func (b *blockedWriter) Write(p []byte) (int, error) {
	<-b.release
	return b.logBuffer.Write(p)
}

// A log that nobody reads delays nobody for long, and says what was lost when
// it is read again.
func TestLogThatNobodyReads(t *testing.T) {
	w := &blockedWriter{release: make(chan struct{})}
	q := newQueuedLog(w, func(n int64) { fmt.Fprintf(w, "dropped %d\n", n) })
	logger := slog.New(slog.NewTextHandler(q, nil))
	begun := time.Now()
	for i := range logQueue + 100 {
		logger.Info("line", "n", i)
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %s to log", took)
	}
	close(w.release)
	for range 1000 {
		if strings.Count(w.String(), "\n") >= logQueue {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	logger.Info("last")
	q.close()
	text := w.String()
	lines := strings.Count(text, "msg=line")
	var dropped int
	for line := range strings.Lines(text) {
		var n int
		if _, err := fmt.Sscanf(line, "dropped %d", &n); err == nil {
			dropped += n
		}
	}
	if lines+dropped != logQueue+100 || dropped == 0 || !strings.Contains(text, "msg=last") {
		t.Errorf("%d lines, %d dropped, of %d", lines, dropped, logQueue+100)
	}
}

// The program ends though its log hangs.
func TestLogHangsAtTheEnd(t *testing.T) {
	w := &blockedWriter{release: make(chan struct{})}
	defer close(w.release)
	q := newQueuedLog(w, func(int64) {})
	_, _ = q.Write([]byte("line\n"))
	begun := time.Now()
	q.close()
	if took := time.Since(begun); took > 2*logFlush {
		t.Errorf("it took %s to end", took)
	}
}

// A page in a browser cannot reload the configuration, not even with DNS
// rebinding, where its Origin is the same as the Host.
func TestReloadFromABrowser(t *testing.T) {
	_, url := simulate(t, nil)
	p := start(t, "--web.enable-lifecycle", "--config.file="+write(t, "config.yml", "organizations:\n"+organization("acme", url)))
	for _, origin := range []string{p.url, "http://rebound.example", "null"} {
		if status, body := p.do(http.MethodPost, "/-/reload", "Origin", origin); status != http.StatusForbidden {
			t.Errorf("Origin %s: %d %s", origin, status, body)
		}
	}
	if status, body := p.do(http.MethodPost, "/-/reload"); status != http.StatusOK {
		t.Errorf("without: %d %s", status, body)
	}
}

// Connections that send nothing are closed for the sake of new ones, and those
// that are answered are not.
func TestConnectionsAreBounded(t *testing.T) {
	release := make(chan struct{})
	closed := new(atomic.Int64)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-release
		}
	}))
	limitConnections(server.Config, 20, func() { closed.Add(1) })
	server.Start()
	defer server.Close()
	slow := make(chan error, 1)
	go func() {
		resp, err := http.Get(server.URL + "/slow")
		if err == nil {
			resp.Body.Close()
		}
		slow <- err
	}()
	time.Sleep(50 * time.Millisecond)
	for range 200 {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 5 {
		resp, err := client.Get(server.URL + "/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	close(release)
	if err := <-slow; err != nil {
		t.Errorf("the request that was being answered: %v", err)
	}
	if n := closed.Load(); n < 170 {
		t.Errorf("want about 185 connections closed, have %d", n)
	}
	http.DefaultClient.CloseIdleConnections()
}

// A configuration that is a pipe, or a device, is refused at once.
func TestIrregularFiles(t *testing.T) {
	for _, name := range []string{"/dev/zero", t.TempDir()} {
		for _, args := range [][]string{{"--config.file=" + name}, {"--config.check", "--config.file=" + name}} {
			begun := time.Now()
			if _, err := fails(t, args...); !strings.Contains(err.Error(), "not a regular file") || time.Since(begun) > time.Second {
				t.Errorf("%v: %v after %s", args, err, time.Since(begun))
			}
		}
	}
	_, url := simulate(t, nil)
	config := write(t, "config.yml", "organizations:\n"+organization("acme", url))
	if _, err := fails(t, "--config.file="+config, "--web.config.file=/dev/zero"); !strings.Contains(err.Error(), "--web.config.file: /dev/zero is not a regular file") {
		t.Error(err)
	}
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip("no /dev/zero")
	}
}
