package render

import (
	"encoding/json"
	"errors"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// sampleText stands for a value that is missing in a trial.
const sampleText = "sample"

// rehearse renders each mail in each language with made-up data, so that what
// goes wrong only in rendering is found before a customer is waiting.
func (c *compiler) rehearse() {
	signer, err := token.New([]string{"a key for trials, which sign nothing"})
	if err != nil {
		c.problems = append(c.problems, problemOf(err))
		return
	}
	samples := SampleCatalogue()
	settings := Settings{PublicURL: "https://sample.example", Signer: signer, StoreID: "sample", Catalogue: func() *Catalogue { return samples }}
	locales := c.catalog.Workspace.Locales
	if len(locales) == 0 {
		locales = []string{""}
	}
	for _, camp := range c.catalog.Campaigns {
		for _, s := range sends(camp) {
			if c.catalog.Templates[s.Send.Template] == nil {
				continue
			}
			for _, locale := range locales {
				o := sampleMessage(camp, s.ID, locale)
				if err := c.trial(o, settings); err != nil {
					c.problems = append(c.problems, trialProblem(err, camp, s))
				}
			}
		}
	}
}

func trialProblem(err error, camp *campaign.Campaign, s *campaign.Step) campaign.Problem {
	var own *Error
	if errors.As(err, &own) {
		return problemOf(err)
	}
	return campaign.Problem{File: campaignFile(camp), Line: lineOf(camp.Source, s.ID), Message: err.Error()}
}

// trial renders a message to weigh it. Missing values are no errors in it.
func (c *compiler) trial(o campaign.Outgoing, s Settings) error {
	r := c.r
	l, t, err := r.find(&o)
	if err != nil {
		return err
	}
	st := &state{
		sample: true, locale: r.localeFor(o.Customer.Locale), zone: r.zoneFor(""), now: o.Now,
		currency: r.catalog.Workspace.Currency, message: o.ID, settings: s, utm: l.utm,
	}
	u, err := r.unitsOf(l, t, o.Customer.Locale)
	if err != nil {
		return err
	}
	vars, err := r.variables(&o, l, st, u)
	if err != nil {
		return err
	}
	buf := &c.trialBuffers
	subject, err := r.write(st, vars, u, buf)
	if err != nil {
		return err
	}
	buf.text = appendTextOf(buf.text[:0], view(buf.html))
	c.weigh(u.file, buf.html, buf.text, subject)
	c.activeAfterAll(u.file, buf.html)
	return nil
}

// sampleMessage is a message to a made-up customer.
func sampleMessage(camp *campaign.Campaign, step, locale string) campaign.Outgoing {
	product := sampleProduct()
	trigger := map[string]any{
		"order_id": "1001", "cart_id": "1", "total": 25.0, "value": 25.0, "revenue": 25.0, "subtotal": 25.0, "shipping": 0.0, "tax": 0.0, "discount": 0.0,
		"products": []any{product},
	}
	for k, v := range product {
		trigger[k] = v
	}
	data, err := json.Marshal(trigger)
	if err != nil {
		data = nil // strings and numbers always marshal
	}
	now := time.Date(2026, 1, 15, 9, 0, 0, 0, time.UTC)
	o := campaign.Outgoing{
		ID: 1, Campaign: camp.Name, Step: step, Trigger: data, Now: now, Anchor: now,
		Customer: campaign.Customer{
			ID: 1, ExternalID: "1001", Email: "ana@sample.example", Locale: locale, Timezone: "UTC",
			Attributes: map[string]any{"first_name": "Ana", "last_name": "Sample", "name": "Ana Sample"},
		},
	}
	if _, ok := camp.Trigger.(campaign.AbandonedCart); ok {
		o.Cart = &campaign.Cart{ID: "1", Lines: []campaign.Line{{ProductID: "1001", Quantity: 2, Price: 12.5, Properties: product}}}
	}
	return o
}

func sampleProduct() map[string]any {
	return map[string]any{
		"product_id": "1001", "sku": "1001", "name": "Sample product", "quantity": 2.0, "price": 12.5,
		"url": "https://sample.example/product", "image_url": "https://sample.example/product.png",
		"category": "Samples", "variant": "Small", "brand": "Sample",
	}
}

// SampleCatalogue is the shop of trials, and of previews without a store.
func SampleCatalogue() *Catalogue {
	var all []campaign.Product
	for _, id := range []string{"1001", "1002", "1003", "1004"} {
		all = append(all, campaign.Product{ID: id, InStock: true, Properties: sampleProduct()})
	}
	return NewCatalogue(all)
}
