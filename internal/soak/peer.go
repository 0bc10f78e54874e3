package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"sync"
	"time"

	"tidings/internal/mail/smtptest"
)

// mailServer is the server at the other end of the line, as the books need it.
type mailServer interface {
	URL() string
	// Counts are the mails that it has, by the message's id; Total is how many.
	Counts() map[string]int
	Total() int
	// Wait waits until it has so many.
	Wait(ctx context.Context, n int) error
	// complaints are what was wrong with mails since the last time.
	complaints() []string
	// counts are the mails that it took without a reply, and its faults.
	counts() (unheard, refusals int)
}

// peer is the mail server of the soak, which does as it is told: what it has taken
// is what is true.
type peer struct {
	*smtptest.Server

	mu       sync.Mutex
	broken   []string // mails that it took and should not have been given
	unheard  int      // mails taken whose reply was never sent
	refusals int      // faults of any kind
}

func newPeer() (*peer, error) {
	p := &peer{}
	s, err := smtptest.Start(smtptest.WithoutBodies(), smtptest.WithUTF8(), smtptest.WithTake(p.look))
	if err != nil {
		return nil, err
	}
	p.Server = s
	return p, nil
}

// look notes what is wrong with a mail that was taken.
func (p *peer) look(m smtptest.Message) {
	if err := whole(m); err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.broken = append(p.broken, fmt.Sprintf("message %s: %v", m.ID, err))
	}
}

// whole tells whether a mail came from its first to its last byte, and to whom
// it was written.
func whole(m smtptest.Message) error {
	if m.ID == "" {
		return errors.New("no " + smtptest.IDHeader)
	}
	for line := range bytes.SplitSeq(m.Wire, []byte("\n")) {
		if n := bytes.IndexByte(line, '\r'); len(line) > 999 || len(line) > 0 && n != len(line)-1 {
			return fmt.Errorf("a line of %d bytes does not end as lines do, or is too long", len(line))
		}
	}
	who, _, _ := strings.Cut(m.To, "@")
	msg, err := mail.ReadMessage(bytes.NewReader(m.Body))
	if err != nil {
		return err
	}
	return letterTo(who, msg)
}

// letterTo tells whether a mail is all of the letter to a customer.
func letterTo(who string, msg *mail.Message) error {
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	parts, n := multipart.NewReader(msg.Body, params["boundary"]), 0
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break // the closing boundary was there
		}
		if err != nil {
			return err
		}
		n++
		var text io.Reader = part
		if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			text = quotedprintable.NewReader(part)
		}
		body, err := io.ReadAll(text)
		if err != nil {
			return err
		}
		if !bytes.Contains(body, []byte("Hello "+who+".")) || !bytes.Contains(body, []byte("END "+who)) {
			return fmt.Errorf("part %d is not all of the letter to %s", n, who)
		}
	}
	if n != 2 {
		return fmt.Errorf("%d parts", n)
	}
	return nil
}

// suffer makes f the plan of faults, and counts what it does.
func (p *peer) suffer(plan smtptest.Plan) {
	if plan == nil {
		p.Fault(nil)
		return
	}
	p.Fault(func(m smtptest.Moment) *smtptest.Fault {
		f := plan(m)
		if f == nil {
			return nil
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.refusals++
		if m.Point == smtptest.Taken && (f.Drop || f.Silent || f.Reply != "") {
			p.unheard++
		}
		return f
	})
}

// hangUp ends all connections, each of which may have had a mail taken and not
// answered.
func (p *peer) hangUp() {
	p.mu.Lock()
	p.unheard += doubtful
	p.mu.Unlock()
	p.Hangup()
}

// counts are the mails that were taken without a reply, and the faults.
func (p *peer) counts() (unheard, refusals int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unheard, p.refusals
}

// complaints are what was wrong with mails since the last time.
func (p *peer) complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.broken
	p.broken = nil
	return out
}

// dice are drawn from by all goroutines.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newDice(seed uint64) *dice { return &dice{r: rand.New(rand.NewPCG(seed, 1))} }

func (d *dice) of(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

func (d *dice) percent(p int) bool { return d.of(100) < p }

func pick[T any](d *dice, of []T) T { return of[d.of(len(of))] }

// mishaps are what a mail server does on a bad day, to percent of all commands.
func mishaps(d *dice, percent int) smtptest.Plan {
	drop := smtptest.Fault{Drop: true}
	slow := smtptest.Fault{After: 30 * time.Millisecond}
	all := map[smtptest.Point][]smtptest.Fault{
		smtptest.Greeting: {drop, slow, {Reply: "421 4.3.2 closing"}},
		smtptest.Ehlo:     {drop, slow, {Reply: "421 4.3.2 closing"}},
		smtptest.Mail:     {drop, slow, {Reply: "421 4.7.0 enough for this session"}, {Reply: "451 4.3.0 later"}},
		smtptest.Rcpt:     {drop, slow, {Reply: "450 4.2.1 later"}, {Reply: "550 5.1.1 unknown"}},
		smtptest.Data:     {drop, slow, {Reply: "451 4.3.0 later"}},
		smtptest.Body:     {drop},
		smtptest.Dot:      {drop, slow, {Reply: "451 4.3.0 later"}, {Reply: "554 5.6.0 no"}},
		smtptest.Taken:    {drop, slow},
		smtptest.Rset:     {drop, {Reply: "500 5.5.1 no"}},
		smtptest.Quit:     {drop, {Reply: "500 5.5.1 stay"}},
	}
	return func(m smtptest.Moment) *smtptest.Fault {
		if here := all[m.Point]; len(here) > 0 && d.percent(percent) {
			f := pick(d, here)
			return &f
		}
		return nil
	}
}
