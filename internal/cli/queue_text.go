package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
)

// printQueue shows the queue to a person: what holds many, then counts, then mails.
func printQueue(w io.Writer, out queueOutput) {
	total := out.More + len(out.Rows)
	fmt.Fprintf(w, "%s open at %s\n", count(total, "mail"), out.At.Format(time.RFC3339))
	for _, b := range out.Blocks {
		fmt.Fprintf(w, "! %s", b.Why)
		if b.Since != nil {
			fmt.Fprintf(w, ", since %s", b.Since.Format(time.RFC3339))
		}
		if b.Until != nil && b.Until.After(out.At) {
			fmt.Fprintf(w, ", next try in %s", age(b.Until.Sub(out.At)))
		}
		fmt.Fprintf(w, "; %s\n", b.Do)
	}
	if total == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\ncampaign\tstate\tmails\toldest\twhy")
	for _, s := range out.Summary {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", s.Campaign, s.State, thousands(s.Count), age(time.Duration(s.Age)*time.Second), s.Why)
	}
	if len(out.Rows) > 0 {
		fmt.Fprintln(t, "\nid\tcustomer\tcampaign, step\tstate\tage\ttries\tnext look\twhy")
	}
	for _, r := range out.Rows {
		why := r.Why
		if r.Said != "" && (r.Reason == campaign.GateRetry || r.Reason == campaign.GateConnection) {
			why += " (" + r.Said + ")"
		}
		if r.Duplicate {
			why += "; may arrive twice"
		}
		fmt.Fprintf(t, "%d\t%s\t%s, %s\t%s\t%s\t%d\t%s\t%s\n", r.ID, r.Customer, r.Campaign, r.Step, r.State, age(time.Duration(r.Age)*time.Second), r.Attempt, nextLook(out.At, r), why)
	}
	t.Flush()
	if out.More > 0 && len(out.Rows) > 0 {
		fmt.Fprintf(w, "and %s more; list them with --limit %d\n", thousands(out.More), total)
	}
}

// nextLook says when a mail is looked at next, by the clock of the look.
func nextLook(at time.Time, r queueRow) string {
	switch {
	case r.Next == nil && r.Reason == campaign.GatePaused:
		return "when resumed"
	case r.Next == nil:
		return "when you say"
	case !r.Next.After(at):
		return "now"
	}
	return "in " + age(r.Next.Sub(at))
}

// age is a length of time in its two largest units.
func age(d time.Duration) string {
	d = max(0, d.Round(time.Second))
	days, hours, minutes, seconds := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60, int(d/time.Second)%60
	switch {
	case days > 0:
		return fmt.Sprintf("%dd %dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh %dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm %ds", minutes, seconds)
	}
	return fmt.Sprintf("%ds", seconds)
}

// whyWaits says what a mail waits for.
func whyWaits(of string, w store.Waiting) string {
	switch w.Reason {
	case store.WaitsDue:
		return "its time is still to come"
	case store.WaitsTurn:
		return "due; it goes to a worker with the scheduler's next round"
	case store.WaitsWorker:
		return "in the queue for a worker"
	case store.WaitsSending:
		return "a worker has it"
	case store.WaitsReply:
		return "handed over; the mail server's answer is awaited"
	case store.WaitsEvidence:
		return "no answer came when it was handed over; without a sign that it arrived it is sent again"
	case store.WaitsPerson:
		return "no answer came when it was handed over; say `tidings queue retry`, `accept` or `cancel` and its id"
	case campaign.GateSendAt:
		return "waits for the hour that its step names (send_at)"
	case campaign.GateSendWindow:
		return "outside the hours in which it may be sent (send_window)"
	case campaign.GateQuiet:
		return "quiet hours where the customer is"
	case campaign.GateCustomer:
		return "the customer has asked for a pause"
	case campaign.GateCap:
		if w.By == "" {
			return "the customer has had as many mails as the cap allows"
		}
		return "the customer has had as many mails as the cap allows; the place went to " + w.By
	case campaign.GateFresh:
		return "no " + w.By + " has come in for far longer than usual: what it says may be out of date"
	case campaign.GateRetry:
		return "the mail server put it off; it is tried again"
	case campaign.GateConnection:
		return "the mail server was not reached; it is tried again"
	case campaign.GateRate:
		return "as much has gone out " + rateOf(of, w.By) + " as its rate allows"
	case campaign.GateDaily:
		return "the mail server's quota for the day is used up"
	case campaign.GateSlowed:
		return slowed(w.By) + " asked for less mail" + because(w.Why)
	case campaign.GateStopped:
		return "the mail server refuses us" + because(w.Why)
	case campaign.GateSender:
		return "the mail server refuses the sender " + w.By + because(w.Why)
	case campaign.GatePaused:
		if w.By != "" {
			return "the campaign's file says " + w.Why
		}
		return "the campaign is paused" + because(w.Why)
	case campaign.GateByHand:
		return "let go by hand"
	}
	return strings.TrimSpace(strings.ReplaceAll(w.Reason, "_", " ") + " " + w.By)
}

func rateOf(of, by string) string {
	switch by {
	case campaign.DefaultProvider, "":
		return "by the mail server"
	case of:
		return "of the campaign"
	}
	return "to " + by
}

func slowed(by string) string {
	if by == campaign.DefaultProvider || by == "" {
		return "the mail server"
	}
	return by
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// whyBlocked says what holds many mails at once.
func whyBlocked(b store.Block) string {
	switch b.Gate {
	case campaign.GatePaused:
		if b.By != "" {
			return fmt.Sprintf("%s rests: its file says %s", b.Campaign, b.Why)
		}
		return b.Campaign + " is " + campaign.PausedBy(b.Who) + because(b.Why)
	case campaign.GateFresh:
		return fmt.Sprintf("%s waits for %s: %s", b.Campaign, b.By, b.Why)
	case campaign.HeldFuse:
		return fmt.Sprintf("%s is held by the fuse: %s", b.Campaign, b.Why)
	}
	return whyWaits("", store.Waiting{Reason: b.Gate, By: b.By, Why: b.Why})
}

// doAbout says what a person can do about it.
func doAbout(b store.Block) string {
	switch b.Gate {
	case campaign.GatePaused:
		if b.By != "" {
			return "change the file"
		}
		return "`tidings resume " + b.Campaign + "`"
	case campaign.GateFresh:
		return "see whether the shop still sends events; if all is well, `tidings queue release --campaign " + b.Campaign + "`"
	case campaign.HeldFuse:
		return "look at `tidings plan`, then `tidings release " + b.Campaign + " --yes`"
	case campaign.GateStopped, campaign.GateSender:
		return "set right what it says, then `tidings queue release --provider`"
	case campaign.GateSlowed:
		if b.By == campaign.DefaultProvider {
			return "nothing; or `tidings queue release --provider`"
		}
		return "nothing; or `tidings queue release --domain " + b.By + "`"
	}
	return "nothing"
}
