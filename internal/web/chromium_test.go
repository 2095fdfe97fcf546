//go:build e2e

package web_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// A chromium is a headless browser with one tab, driven over its debugging
// pipe: messages of JSON, each ended by a zero byte.
type chromium struct {
	t       *testing.T
	in      *os.File
	session string

	mu      sync.Mutex
	last    int
	answers map[int]chan answer
	loaded  chan struct{}
	said    []string // what the browser had to complain about
}

type answer struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// startChromium starts a browser that ends with the test.
func startChromium(t *testing.T) *chromium {
	t.Helper()
	path := os.Getenv("CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		t.Fatal("there is no chromium: install it, or name it in CHROMIUM")
	}
	theirIn, ourIn := pipe(t)
	ourOut, theirOut := pipe(t)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb", "--user-data-dir="+t.TempDir(),
		"--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = theirIn.Close(), theirOut.Close()
	c := &chromium{t: t, in: ourIn, answers: map[int]chan answer{}, loaded: make(chan struct{}, 100)}
	go c.listen(ourOut)
	var target struct{ TargetID string }
	c.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	c.call("Page.enable", nil, nil)
	c.call("Log.enable", nil, nil)
	t.Cleanup(func() {
		c.session = ""
		c.call("Browser.close", nil, nil)
		_ = cmd.Wait()
	})
	return c
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

// listen hands each answer to the call that waits for it.
func (c *chromium) listen(out *os.File) {
	for r := bufio.NewReader(out); ; {
		b, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m struct {
			ID     int
			Method string
			Params struct{ Entry struct{ Text, URL string } }
			answer
		}
		if json.Unmarshal(b[:len(b)-1], &m) != nil {
			continue
		}
		if m.Method == "Page.loadEventFired" {
			c.loaded <- struct{}{}
		}
		c.mu.Lock()
		if m.Method == "Log.entryAdded" {
			c.said = append(c.said, m.Params.Entry.Text+" "+m.Params.Entry.URL)
		}
		if ch := c.answers[m.ID]; ch != nil {
			ch <- m.answer
		}
		c.mu.Unlock()
	}
}

// call calls a method of the debugging protocol.
func (c *chromium) call(method string, params, result any) {
	c.t.Helper()
	ch := make(chan answer, 1)
	c.mu.Lock()
	c.last++
	id := c.last
	c.answers[id] = ch
	c.mu.Unlock()
	message := map[string]any{"id": id, "method": method}
	if params != nil {
		message["params"] = params
	}
	if c.session != "" {
		message["sessionId"] = c.session
	}
	b, err := json.Marshal(message)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.in.Write(append(b, 0)); err != nil {
		c.t.Fatal(err)
	}
	select {
	case a := <-ch:
		if a.Error != nil {
			c.t.Fatalf("%s: %s", method, a.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(a.Result, result); err != nil {
				c.t.Fatal(err)
			}
		}
	case <-time.After(30 * time.Second):
		c.t.Fatalf("%s: no answer", method)
	}
}

// open opens a page and waits until it is there.
func (c *chromium) open(url string) {
	c.t.Helper()
	c.andLoad(func() { c.call("Page.navigate", map[string]any{"url": url}, nil) })
}

// andLoad does something that opens a page.
func (c *chromium) andLoad(do func()) {
	c.t.Helper()
	for len(c.loaded) > 0 {
		<-c.loaded
	}
	do()
	select {
	case <-c.loaded:
	case <-time.After(30 * time.Second):
		c.t.Fatal("no page came")
	}
}

// eval returns the value of an expression in the page.
func eval[T any](c *chromium, expression string) T {
	c.t.Helper()
	var out struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	c.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &out)
	if out.ExceptionDetails != nil {
		c.t.Fatalf("%s: %s", expression, out.ExceptionDetails.Exception.Description)
	}
	var v T
	if err := json.Unmarshal(out.Result.Value, &v); err != nil {
		c.t.Fatalf("%s: %v in %s", expression, err, out.Result.Value)
	}
	return v
}

// look sets the width and the colours of the screen.
func (c *chromium) look(width int, scheme string) {
	c.t.Helper()
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600,
	}, nil)
	c.call("Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
	}, nil)
}

// press presses a key, with a text if it types one.
func (c *chromium) press(key, text string) {
	c.t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13}
	params := map[string]any{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": codes[key], "text": text}
	c.call("Input.dispatchKeyEvent", params, nil)
	params["type"], params["text"] = "keyUp", ""
	c.call("Input.dispatchKeyEvent", params, nil)
}

// complaints returns what the browser has complained about so far.
func (c *chromium) complaints() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said
}

// shoot returns a picture of the page, all of it or its first height pixels.
func (c *chromium) shoot(height int) []byte {
	c.t.Helper()
	full := eval[int](c, "document.documentElement.scrollHeight")
	if height == 0 || height > full {
		height = full
	}
	var shot struct{ Data string }
	c.call("Page.captureScreenshot", map[string]any{
		"format": "png", "captureBeyondViewport": true,
		"clip": map[string]any{"x": 0, "y": 0, "width": eval[int](c, "innerWidth"), "height": height, "scale": 1},
	}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		c.t.Fatal(fmt.Errorf("screenshot: %w", err))
	}
	return png
}
