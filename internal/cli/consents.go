package cli

import (
	"cmp"
	"time"

	"tidings/internal/campaign"
)

type consentsCmd struct {
	Customer string `arg:"" help:"The shop's id of the customer."`
}

// consentsOutput is what `consents --json` prints.
type consentsOutput struct {
	Customer string                  `json:"customer"`
	Consents []campaign.ConsentEntry `json:"consents"`
}

// Run prints the consent log of a customer.
func (c *consentsCmd) Run(rt *runtime) error {
	s, err := rt.openMigrated()
	if err != nil {
		return err
	}
	defer s.Close()
	log, ok, err := s.ConsentLog(rt.ctx, c.Customer)
	if err != nil {
		return err
	}
	if !ok {
		return &exitError{exitNo, "there is no customer " + c.Customer + "; name one by the shop's id, as in `tidings explain`"}
	}
	if rt.json {
		if log == nil {
			log = []campaign.ConsentEntry{}
		}
		return rt.printJSON(consentsOutput{c.Customer, log})
	}
	if len(log) == 0 {
		rt.printf("%s has said nothing about any topic: no marketing mail goes to them\n", c.Customer)
	}
	for _, e := range log {
		rt.printf("%s\n", consentLine(e))
	}
	return nil
}

// consentLine is one entry for a person.
func consentLine(e campaign.ConsentEntry) string {
	word := "no "
	switch {
	case e.Pending:
		word = "asked, not confirmed"
	case e.Given:
		word = "yes"
	}
	topic := e.Topic
	if topic == "*" {
		topic = "all topics"
	}
	line := e.Recorded.UTC().Format(time.RFC3339) + "  " + word + "  " + topic + "  by " + cmp.Or(e.Source, "an event")
	if e.Given && !e.Pending && e.At.IsZero() {
		line += " (imported: holds from the beginning)"
	}
	if e.Text != "" {
		line += "; words " + e.Text
	}
	if e.Proof != "" {
		line += "; proof: " + e.Proof
	}
	if e.AddressHash != "" {
		line += "; address " + e.AddressHash[:min(12, len(e.AddressHash))] + "…"
	}
	return line
}
