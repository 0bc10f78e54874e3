package campaign

import (
	"net/netip"
	"time"
)

// Hit is one request that came from a mail: its pixel, a link, the unsubscribe
// page. It is a raw fact; who was there is graded by rules that can be run again.
type Hit struct {
	At        time.Time
	Method    string     // GET or HEAD; empty: GET
	UserAgent string     // as sent, at most 512 bytes, valid UTF-8
	Purpose   string     // the header by which browsers say that they load ahead; mostly empty
	Addr      netip.Addr // behind trusted proxies, the client's own; zero: unknown
}

// Subscription is what a message's unsubscribe page is about.
type Subscription struct {
	Address string // the customer's
	Locale  string // the customer's; empty: unknown
	Topic   string // key of the message's topic; empty: it was transactional
}
