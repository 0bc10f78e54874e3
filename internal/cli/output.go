package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
)

// isTerminal tells whether w is a terminal, where colours and progress bars make
// sense.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// newLogger logs for people on a terminal and as JSON elsewhere.
func newLogger(w io.Writer, level slog.Level, terminal bool) *slog.Logger {
	if terminal {
		return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly}))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}

// printJSON writes the one document of --json.
func (rt *runtime) printJSON(v any) error {
	rt.answered = true
	enc := json.NewEncoder(rt.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func (rt *runtime) printf(format string, args ...any) { fmt.Fprintf(rt.stdout, format, args...) }

// say writes for a person: to standard output, or beside it when that is JSON.
func (rt *runtime) say(format string, args ...any) {
	w := rt.stdout
	if rt.json {
		w = rt.stderr
	}
	fmt.Fprintf(w, format, args...)
}

// thousands writes 12,345.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
