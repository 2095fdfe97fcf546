package main

import (
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	sloggk "github.com/tjhop/slog-gokit"
)

// newLoggers returns the logger of our packages, and the one of libraries that
// log through slog. Both write the same lines to w.
func newLoggers(w io.Writer, minimum, format string) (log.Logger, *slog.Logger) {
	w = log.NewSyncWriter(w)
	base := log.NewLogfmtLogger(w)
	if format == "json" {
		base = log.NewJSONLogger(w)
	}
	ours := level.NewFilter(base, level.Allow(level.ParseDefault(minimum, level.InfoValue())))
	ours = log.With(ours, "ts", log.DefaultTimestampUTC, "caller", log.DefaultCaller)

	var theirs slog.Level
	if err := theirs.UnmarshalText([]byte(minimum)); err != nil {
		theirs = slog.LevelInfo
	}
	// The bridge adds level, caller and time by itself, so it starts from base.
	return ours, slog.New(sloggk.NewGoKitHandler(renameTime(base), theirs))
}

// renameTime makes slog's "time" the "ts" of our own lines: in UTC, and after
// the level.
func renameTime(next log.Logger) log.Logger {
	return log.LoggerFunc(func(pairs ...any) error {
		for i := 0; i+1 < len(pairs); i += 2 {
			if t, ok := pairs[i+1].(time.Time); ok && pairs[i] == any(slog.TimeKey) {
				pairs = slices.Delete(pairs, i, i+2)
				pairs = slices.Insert(pairs, min(2, len(pairs)), any("ts"), any(t.UTC().Format(time.RFC3339Nano)))
				break
			}
		}
		return next.Log(pairs...)
	})
}
