package web

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// overview is what the page of all campaigns shows.
type overview struct {
	head
	Totals    []figure
	Revenue   []string
	Campaigns []card
}

// detail is what the page of one campaign shows.
type detail struct {
	head
	card
	Entries, Ledger funnel // passes; messages
	Converted       int    // customers
	Reasons         []reasons
	Steps           []campaign.StepReport
}

// funnel is a table of counts of one thing.
type funnel struct {
	Title, Unit string
	Rows        []figure
}

type head struct {
	Shop    string
	At      time.Time
	Refresh int // seconds; 0: the page does not reload itself
}

// card is a campaign in short.
type card struct {
	Name, Label, Status string
	Figures             []figure
	Revenue             []string
	Notes               []string // what wants a look
}

// figure is a count, with the share that it is of another.
type figure struct {
	Label string
	Count int
	Of    int    // what it is a share of; 0 with no What: a count alone
	What  string // names Of
}

// Percent is the share in 0…100, for bars; a figure that is no share fills its
// bar.
func (f figure) Percent() float64 {
	switch {
	case f.What == "" && f.Count > 0:
		return 100
	case f.Of <= 0:
		return 0
	}
	return min(100, 100*float64(f.Count)/float64(f.Of))
}

func (p reports) headOf(rep campaign.Report) head {
	return head{Shop: p.Workspace.Name, At: rep.At, Refresh: int(p.Refresh / time.Second)}
}

func (p reports) overviewOf(rep campaign.Report) overview {
	o := overview{head: p.headOf(rep)}
	var sent, left int
	var seen campaign.Engagement
	revenue := map[string]float64{}
	for _, c := range rep.Campaigns {
		sent, left = sent+c.Sent, left+c.Unsubscribed
		seen.Add(c.Engagement)
		for code, amount := range c.Revenue {
			revenue[code] += amount
		}
		o.Campaigns = append(o.Campaigns, cardOf(c))
	}
	o.Totals = []figure{
		{Label: "Mails sent", Count: sent},
		{Label: "Opened by people", Count: seen.Opened, Of: sent, What: "of sent"},
		{Label: "Opened by machines", Count: seen.MachineOpened, Of: sent, What: "of sent"},
		{Label: "Clicked by people", Count: seen.Clicked, Of: sent, What: "of sent"},
		{Label: "Clicked by machines", Count: seen.MachineClicked, Of: sent, What: "of sent"},
		{Label: "Unsubscribed", Count: left, Of: sent, What: "of sent"},
	}
	o.Revenue = money(revenue)
	return o
}

func cardOf(c campaign.CampaignReport) card {
	out := card{
		Name: c.Campaign, Label: cmp.Or(c.Label, c.Campaign), Status: c.Status,
		Revenue: money(c.Revenue),
		Figures: []figure{
			{Label: "Entered", Count: c.Entered},
			{Label: "Sent", Count: c.Sent},
			{Label: "Opened", Count: c.Opened, Of: c.Sent, What: "of sent"},
			{Label: "Clicked", Count: c.Clicked, Of: c.Sent, What: "of sent"},
			{Label: "Converted", Count: c.Converted},
		},
	}
	if c.Uncertain > 0 {
		out.Notes = append(out.Notes, counted(c.Uncertain, "mail", "mails")+" may or may not have arrived: the server did not answer")
	}
	if n := c.HeldBy[campaign.HeldFuse]; n > 0 {
		out.Notes = append(out.Notes, counted(n, "entry", "entries")+" held for a person: far more than usual came at once")
	}
	return out
}

func (p reports) detailOf(rep campaign.Report) detail {
	c := rep.Campaigns[0]
	mailed := c.Entered - c.HeldOut
	return detail{
		head: p.headOf(rep),
		card: cardOf(c),
		Entries: funnel{"Customers' entries", "entries", []figure{
			{Label: "Entered", Count: c.Entered},
			{Label: "Held out", Count: c.HeldOut, Of: c.Entered, What: "of entered"},
			{Label: "To be mailed", Count: mailed, Of: c.Entered, What: "of entered"},
		}},
		Ledger: funnel{"Mails", "mails", []figure{
			{Label: "Sent", Count: c.Sent},
			{Label: "Opened by people", Count: c.Opened, Of: c.Sent, What: "of sent"},
			{Label: "Opened by machines", Count: c.MachineOpened, Of: c.Sent, What: "of sent"},
			{Label: "Clicked by people", Count: c.Clicked, Of: c.Sent, What: "of sent"},
			{Label: "Clicked by machines", Count: c.MachineClicked, Of: c.Sent, What: "of sent"},
			{Label: "Unsubscribed", Count: c.Unsubscribed, Of: c.Sent, What: "of sent"},
			{Label: "Failed", Count: c.Failed, Of: c.Sent + c.Failed, What: "of sent and failed"},
			{Label: "On their way", Count: c.Waiting},
			{Label: "Uncertain", Count: c.Uncertain},
		}},
		Converted: c.Converted,
		Steps:     c.Steps,
		Reasons: reasonsOf(
			reasons{Title: "Did not enter", Unit: "entries", By: c.HeldBy},
			reasons{Title: "Decided not to send", Unit: "mails", By: c.CancelledBy},
			reasons{Title: "Could not be sent", Unit: "mails", By: c.FailedBy},
		),
	}
}

// reasons is a table of why something did not happen.
type reasons struct {
	Title, Unit string
	By          map[string]int
	Rows        []reason // most frequent first
}

type reason struct {
	Word, Text string
	Count      int
}

// reasonsOf leaves out the tables that have nothing to tell.
func reasonsOf(tables ...reasons) []reasons {
	var out []reasons
	for _, t := range tables {
		for _, word := range slices.Sorted(maps.Keys(t.By)) {
			if t.By[word] > 0 {
				t.Rows = append(t.Rows, reason{word, explain(word), t.By[word]})
			}
		}
		slices.SortStableFunc(t.Rows, func(a, b reason) int { return b.Count - a.Count })
		if len(t.Rows) > 0 {
			out = append(out, t)
		}
	}
	return out
}
