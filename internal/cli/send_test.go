package cli_test

import (
	"bytes"
	"fmt"
	"net/mail"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/internal/mail/smtptest"
)

// winBack is due at each of the days given, for those who are inactive then.
func winBack(from time.Time) (plan, string) {
	p := plan{name: "win-back", after: 90 * day, lateness: 14 * day, from: from}
	return p, p.campaign(inactivity)
}

// recipients are those of who are due at the plan's ticks to whom a mail may
// still go at at: an order since the due moment has ended their pass.
func recipients(all []order, entered map[pass]int, at time.Time) map[string]int {
	days := byCustomer(all)
	out := map[string]int{}
	for who := range entered {
		of := days[who.customer]
		if i := slices.IndexFunc(of, who.anchor.Before); i < 0 || of[i].After(at) {
			out["c"+who.customer+"@shop.example"]++
		}
	}
	return out
}

func to(messages []smtptest.Message) map[string]int {
	out := map[string]int{}
	for _, m := range messages {
		out[m.To]++
	}
	return out
}

// once demands that no message was accepted twice.
func once(t testing.TB, server *smtptest.Server) {
	t.Helper()
	for id, n := range server.Counts() {
		if n != 1 {
			t.Errorf("message %s accepted %d times", id, n)
		}
	}
}

// What is due at a tick is sent by it, to whom the file names and nobody else,
// and every mail says what it is.
func TestRealSent(t *testing.T) {
	t.Parallel()
	all := orders(t)
	at := date(1998, 7, 1)
	p, text := winBack(date(1996, 1, 1))
	p.ticks = []time.Time{at}
	entered, _ := p.expect(inactive(all, p.after))
	want := recipients(all, entered, at)
	engines(t, func(t *testing.T, databaseURL string) {
		s := cdnowShop(t, databaseURL, all)
		server := smtptest.New(t)
		s.env["SMTP_URL"] = server.URL()
		s.campaigns(t, map[string]string{p.name: text})
		a := s.tick(t, at, "--drain")
		sameCounts(t, "recipients", to(server.Messages()), want)
		if a.Campaigns[p.name].Entered != len(entered) || a.Messages.Accepted != len(want) || a.Messages.Waiting != 0 || len(entered) == len(want) {
			t.Errorf("%d entered and %d mails: %+v", len(entered), len(want), a)
		}
		for _, m := range server.Messages() {
			carries(t, m, p.name)
		}
		if a := s.tick(t, at, "--drain"); a.Campaigns[p.name].Entered != 0 || a.Messages.Accepted != 0 {
			t.Errorf("the same tick again: %+v", a)
		}
		if a := s.tick(t, at.Add(time.Hour), "--drain"); a.Campaigns[p.name].Entered != 0 || a.Messages.Accepted != 0 {
			t.Errorf("a tick later: %+v", a)
		}
		once(t, server)
	})
}

// carries holds a mail to the headers that tell it apart.
func carries(t *testing.T, m smtptest.Message, campaign string) {
	t.Helper()
	read, err := mail.ReadMessage(bytes.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	h := read.Header
	if m.ID == "" || !strings.Contains(h.Get("Message-ID"), m.ID) || !strings.Contains(h.Get("Feedback-ID"), campaign) {
		t.Errorf("X-Tidings-Message %q, Message-ID %q, Feedback-ID %q", m.ID, h.Get("Message-ID"), h.Get("Feedback-ID"))
	}
}

// Two at once, in one process and in two, with the same ticks: nobody is
// enrolled twice, no mail is sent twice, none is left.
func TestRealTwoAtOnce(t *testing.T) {
	t.Parallel()
	all := orders(t)
	p, text := winBack(date(1996, 1, 1))
	p.ticks = []time.Time{date(1998, 6, 30), date(1998, 7, 1), date(1998, 7, 2)}
	entered, _ := p.expect(inactive(all, p.after))
	path := program(t)
	for kind, tick := range map[string]func(s *shop, args []string) error{
		"goroutines": func(s *shop, args []string) error {
			if code, stdout, stderr := s.command(args...); code != 0 {
				return fmt.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
			return nil
		},
		"processes": func(s *shop, args []string) error {
			if said, err := s.process(path, args...).CombinedOutput(); err != nil {
				return fmt.Errorf("%w\n%s", err, said)
			}
			return nil
		},
	} {
		t.Run(kind, func(t *testing.T) {
			engines(t, func(t *testing.T, databaseURL string) {
				s := cdnowShop(t, databaseURL, all)
				server := smtptest.New(t)
				s.env["SMTP_URL"] = server.URL()
				s.campaigns(t, map[string]string{p.name: text})
				for _, at := range p.ticks {
					args := []string{"tick", "--json", "--drain", "--at", at.Format(time.RFC3339)}
					var both sync.WaitGroup
					for range 2 {
						both.Go(func() {
							if err := tick(s, args); err != nil {
								t.Errorf("tick at %s: %v", at, err)
							}
						})
					}
					both.Wait()
				}
				sameCounts(t, "passes", s.passes(t, p.name), entered)
				once(t, server)
				a := s.tick(t, p.ticks[2], "--drain")
				left := s.count(t, "SELECT count(*) FROM messages WHERE state NOT IN ('accepted', 'cancelled')")
				if a.Messages.Waiting+a.Messages.Accepted+a.Campaigns[p.name].Entered+left != 0 {
					t.Errorf("not all was done: %d left, %+v", left, a)
				}
				if n := s.count(t, "SELECT count(*) FROM messages WHERE state = 'accepted'"); n != server.Total() || n == 0 {
					t.Errorf("%d in the ledger, %d at the server", n, server.Total())
				}
			})
		})
	}
}

// process is a command as a process of its own.
func (s *shop) process(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + s.dir, "TMPDIR=" + s.dir}
	for k, v := range s.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd
}
