package cli

import (
	"fmt"
	"regexp"
	"strings"

	"tidings/internal/campaign"
	"tidings/internal/content"
)

// topics reports campaigns whose mails nobody gets, because nobody whom they could
// reach is subscribed to their topic.
func (d *dataCheck) topics() {
	for _, c := range d.cat.Campaigns {
		seen := map[string]bool{}
		for _, topic := range topicsOf(c) {
			if !seen[topic] {
				seen[topic] = true
				d.topic(c, topic)
			}
		}
	}
}

// topicsOf are the topics of a campaign's mails; a transactional one has none.
func topicsOf(c *campaign.Campaign) []string {
	if c.Transactional || c.Program == nil {
		return nil
	}
	var out []string
	for i := range c.Program.Nodes {
		if send := c.Program.Nodes[i].Send; send != nil && send.Topic != "" {
			out = append(out, send.Topic)
		} else if send != nil {
			out = append(out, c.Topic)
		}
	}
	return out
}

func (d *dataCheck) topic(c *campaign.Campaign, topic string) {
	m := topicMention(c, topic)
	yes := campaign.Attribute{Name: "consent." + topic, Test: campaign.Test{Op: campaign.OpIs, Values: []campaign.Value{{Kind: campaign.Bool, Bool: true, Text: "true"}}}}
	matching := func(cond campaign.Condition) (n int, ok bool) {
		ok = d.part("topic "+topic, &m, func() (err error) {
			n, err = d.store.Matching(d.ctx, cond, d.now)
			return err
		})
		return n, ok
	}
	if n, ok := matching(yes); !ok || n == 0 {
		if ok {
			d.warn(m, `record consent: import customers --consent "TEXT", or an event Subscribed`,
				"nobody of %s is subscribed to topic %s, without which nobody gets a mail%s", count(d.customers, "customer"), topic, d.asOf)
		}
		return
	}
	if c.Audience == nil || !d.ofCustomers(c.Audience) {
		return
	}
	if n, ok := matching(campaign.All{c.Audience, yes}); !ok || n > 0 {
		return
	}
	if n, ok := matching(c.Audience); ok && n > 0 { // an audience of nobody is told anyway
		d.warn(m, "send under a topic that they have, or widen the audience",
			"nobody of the audience of %s, %s, is subscribed to topic %s%s", c.Name, count(n, "customer"), topic, d.asOf)
	}
}

// topicMention is where a campaign names a topic.
func topicMention(c *campaign.Campaign, topic string) content.Mention {
	m := content.Mention{Name: topic, File: fmt.Sprintf("campaigns/%s.yaml", c.Name), Line: 1, Column: 1}
	at := regexp.MustCompile(`(?:^|[\s{,])topic:\s*["']?(` + regexp.QuoteMeta(topic) + `)(?:["'\s,}]|$)`).FindStringSubmatchIndex(c.Source)
	if at != nil {
		before := c.Source[:at[2]]
		m.Line += strings.Count(before, "\n")
		m.Column = len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
	}
	return m
}
