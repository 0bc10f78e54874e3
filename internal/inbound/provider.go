package inbound

import (
	"strings"

	"tidings/internal/campaign"
)

// Unsubscribe is what a provider tells of a reader who has left at its own page or
// by the header that it put in. No mail is of this kind.
const Unsubscribe Kind = "unsubscribe"

// About finds the mail of ours that somebody reports of who is known by other means
// than the report itself, as a provider is by its signature; 0: none that we know.
func (d *Desk) About(r Result) int64 {
	t := Taken{Result: r}
	d.identify(&t, "")
	return t.Message
}

// Refused is a recipient of whom a provider reports a refusal: status and said are
// the refusing server's, verdict what the provider makes of it, empty where it makes
// nothing. What the server says decides; where it leaves the address open the
// verdict does, and nothing is hard that the provider itself would try again.
func Refused(address, status, said string, verdict Class) Recipient {
	said = quotedReply(diagnostic(said))
	r := Recipient{Address: firstAddress(address), Status: statusIn(status), Action: "failed", Diagnostic: clip(said)}
	if s := statusIn(said); vague(r.Status) && !vague(s) {
		r.Status = s
	}
	r.Reason = weighed(reasonOf(r.Status, said), r.Status, said, said)
	if vague(r.Status) {
		r.Status = statusOf(r.Status, said, r.Reason)
	}
	r.Class = r.Reason.class(r.Status)
	switch {
	case verdict == Hard && r.open():
		r.Class = Hard
	case verdict == Policy && (r.Reason == Unclear || r.Reason == Filtered):
		r.Class, r.Reason = Policy, PolicyRefused
	case verdict != "" && verdict != Hard && r.Class == Hard:
		r.Class, r.Reason = Soft, Filtered
	}
	return r
}

// open tells of a refusal whose words leave it open whether the address is dead. A
// status of x.7.y is about policy, whoever says more.
func (r Recipient) open() bool {
	switch r.Reason {
	case Unclear, Filtered, Disabled:
		return len(r.Status) < 3 || !strings.HasPrefix(r.Status[2:], "7.")
	}
	return r.Reason.class("") == Hard
}

// Bounced is the refusal of a recipient as it is recorded. signed says that there is
// proof that it is about the mail.
func (r Recipient) Bounced(uid string, signed bool) campaign.Returned {
	return campaign.Returned{
		Event: campaign.EmailBounced, UID: uid, Signed: signed, Address: r.sentTo(), Final: r.Address,
		Class: string(r.Class), Reason: string(r.Reason), Status: r.Status, Counts: r.counts(),
	}
}
