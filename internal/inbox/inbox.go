package inbox

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"tidings/internal/campaign"
)

// Options are the bounds and surroundings of an Inbox.
type Options struct {
	Log     *slog.Logger
	Now     func() time.Time
	Keep    int           // mails; 0: 2,000
	Bytes   int           // of all mails together; 0: 32 MB
	Refresh time.Duration // between looks of the open list; 0: 3 s
}

const (
	defaultKeep    = 2000
	defaultBytes   = 32 << 20
	defaultRefresh = 3 * time.Second
)

// Inbox keeps the last mails. It is safe for use by many goroutines.
type Inbox struct {
	opt Options

	mu    sync.Mutex
	mails []*kept // oldest first; their IDs have no gaps
	bytes int
	last  int64 // ID
	subs  map[int]func(Mail)
	next  int // key of subs
}

// kept is what stays of a mail: what the list shows, and the rest unread.
type kept struct {
	ID                          int64
	At                          time.Time
	Sender                      string
	To, From, Subject, Campaign string
	raw                         []byte
}

// New makes an empty inbox.
func New(o Options) (*Inbox, error) {
	if o.Log == nil || o.Now == nil {
		return nil, errors.New("make inbox: a logger and a clock are required")
	}
	if o.Keep <= 0 {
		o.Keep = defaultKeep
	}
	if o.Bytes <= 0 {
		o.Bytes = defaultBytes
	}
	if o.Refresh <= 0 {
		o.Refresh = defaultRefresh
	}
	return &Inbox{opt: o, subs: map[int]func(Mail){}}, nil
}

// OnMail calls f with each mail accepted from now on, until stop is called. The
// sender gets its reply only after f has returned, and mails come at once on
// several connections: f must be quick and safe for that.
func (i *Inbox) OnMail(f func(Mail)) (stop func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	key := i.next
	i.next++
	i.subs[key] = f
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		delete(i.subs, key)
	}
}

// Accept takes in a mail for its recipients, as the SMTP server does: each gets
// one of their own. raw must not change afterwards.
func (i *Inbox) Accept(sender string, to []string, raw []byte) {
	m := Parse(raw)
	m.At, m.Sender = campaign.Moment(i.opt.Now()), sender
	if m.From == "" {
		m.From = sender
	}
	for _, addr := range to {
		m.To = addr
		for _, f := range i.keep(&m) {
			f(m)
		}
	}
}

// keep stores m, giving it its ID, drops what is too old or too much, and
// returns whom to tell.
func (i *Inbox) keep(m *Mail) []func(Mail) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.last++
	m.ID = i.last
	// Copies: the fields would otherwise hold on to the whole parsed mail.
	c := strings.Clone
	i.mails = append(i.mails, &kept{m.ID, m.At, c(m.Sender), c(m.To), c(m.From), c(m.Subject), c(m.Campaign), m.Raw})
	i.bytes += len(m.Raw)
	drop := 0
	for len(i.mails)-drop > 1 && (len(i.mails)-drop > i.opt.Keep || i.bytes > i.opt.Bytes) {
		i.bytes -= len(i.mails[drop].raw)
		drop++
	}
	i.mails = slices.Delete(i.mails, 0, drop)
	tell := make([]func(Mail), 0, len(i.subs))
	for _, f := range i.subs {
		tell = append(tell, f)
	}
	return tell
}

// Messages lists the mails kept, newest first, each read anew.
func (i *Inbox) Messages() []Mail {
	all := i.all()
	out := make([]Mail, len(all))
	for n, k := range all {
		out[n] = k.read()
	}
	return out
}

// Get is the mail of an ID; ok is false when it is not kept, or not any more.
func (i *Inbox) Get(id int64) (m Mail, ok bool) {
	i.mu.Lock()
	at, found := slices.BinarySearchFunc(i.mails, id, func(k *kept, id int64) int { return int(k.ID - id) })
	var k *kept
	if found {
		k = i.mails[at]
	}
	i.mu.Unlock()
	if k == nil {
		return Mail{}, false
	}
	return k.read(), true
}

// all is a copy of what is kept, newest first.
func (i *Inbox) all() []*kept {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := slices.Clone(i.mails)
	slices.Reverse(out)
	return out
}

func (k *kept) read() Mail {
	m := Parse(k.raw)
	m.ID, m.At, m.Sender, m.To, m.From = k.ID, k.At, k.Sender, k.To, k.From
	return m
}
