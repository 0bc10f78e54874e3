package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"tidings/internal/demo"
)

// screen shows how far the show is: one line that is written over and over on a
// terminal, a line now and then elsewhere. What else is written to it goes above
// the line.
type screen struct {
	terminal bool

	mu   sync.Mutex
	w    io.Writer
	line string // on the terminal now
	told int    // tenths of the show told elsewhere
}

func newScreen(w io.Writer, terminal bool) *screen { return &screen{w: w, terminal: terminal} }

// The codes of terminals: back to the start of an emptied line, and whether a
// line that is too long goes on below.
const (
	clearLine = "\r\x1b[K"
	noWrap    = "\x1b[?7l"
	wrap      = "\x1b[?7h"
)

func (s *screen) show(p demo.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal {
		s.line = progressLine(p)
		fmt.Fprint(s.w, noWrap, clearLine, s.line, wrap)
		return
	}
	if tenth := int(p.Done * 10); tenth > s.told {
		s.told = tenth
		fmt.Fprintln(s.w, progressLine(p))
	}
}

// Write writes whole lines above the line that stands.
func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line != "" {
		fmt.Fprint(s.w, clearLine)
	}
	n, err := s.w.Write(b)
	if s.line != "" {
		fmt.Fprint(s.w, noWrap, s.line, wrap)
	}
	return n, err
}

// done leaves the line as it stands.
func (s *screen) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line != "" {
		fmt.Fprint(s.w, "\n")
		s.line = ""
	}
}

// progressLine fits into 100 columns.
func progressLine(p demo.Progress) string {
	const width = 20
	full := int(p.Done*width + 0.5)
	return fmt.Sprintf("%s  %s%s %3d %%   orders %s  mails %s  clicks %s  bought after a mail %s",
		p.At.Format(time.DateOnly), strings.Repeat("█", full), strings.Repeat("░", width-full), int(p.Done*100),
		thousands(p.Tally.Orders), thousands(p.Tally.Mails), thousands(p.Tally.Clicks), thousands(p.Tally.Bought))
}

// programme is what stands above the show.
func programme(t *theatre) string {
	begin, end := t.history.Begin(), t.history.End().Add(-time.Second)
	return fmt.Sprintf(`
Tidings: %s in the life of a shop, in a minute or two

  Inbox    %s/inbox/   every mail, as it arrives
  Report   %s/report   what each campaign did

  Real       %s orders of %s customers of a British gift shop, %s to %s.
  Made up    Their names, addresses, languages, consent and baskets, from a fixed seed.
  Simulated  The clock, and who opens and clicks. They buy only when the real ones did: what
             the report counts as bought after a mail would have been bought without it.

Nothing leaves this machine. Orders: Daqing Chen, Online Retail, UCI Machine Learning
Repository, CC BY 4.0, shortened.

`, span(end.Sub(begin)), t.url, t.url, thousands(len(t.history.Orders)), thousands(buyers(t.people)),
		begin.Format("January 2006"), end.Format("January 2006"))
}

// span is a length of time in a word or two.
func span(d time.Duration) string {
	days := int(d/(24*time.Hour)) + 1
	if days > 350 {
		return "a year"
	}
	return count(days, "day")
}

func buyers(people []*demo.Person) int {
	n := 0
	for _, p := range people {
		if len(p.Orders) > 0 {
			n++
		}
	}
	return n
}

// curtain is what stands below the show.
func curtain(url string) string {
	return fmt.Sprintf(`
The show is over; its pages stay up until you press Ctrl-C.

  Inbox    %s/inbox/
  Report   %s/report

What next:

  campaigns/abandoned-cart.yaml   Change a wait or a subject, and play it with demo --workspace .
  tidings check                   Says what is in a workspace, or all that is wrong with it.
  tidings init DIR                Writes a workspace of your own to start from.
`, url, url)
}
