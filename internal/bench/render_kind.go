package bench

import (
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// renderedAt is the moment of all mails of Render.
var renderedAt = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// kinds are the mails that Render makes, each with the same by html/template. Data
// is made anew for each mail, as a worker reads it anew.
func (o RenderOptions) kinds() ([]renderKind, error) {
	var out []renderKind
	for _, k := range []struct {
		name, campaign string
		out            func(int) campaign.Outgoing
		plain          func(int) any
	}{
		{"broadcast", "letter", letterTo, func(i int) any { return plainOf(letterTo(i)) }},
		{"products", "basket", basketOf, func(i int) any { return plainOf(basketOf(i)) }},
	} {
		t, err := parseBaseline(k.campaign)
		if err != nil {
			return nil, err
		}
		out = append(out, renderKind{
			name: k.name,
			mail: func(i int) (int, error) {
				e, err := o.Render(k.out(i))
				return len(e.Body), err
			},
			baseline: baselineOf(t, k.plain),
		})
	}
	return out, nil
}

func letterTo(i int) campaign.Outgoing {
	return campaign.Outgoing{
		ID: int64(i + 1), Campaign: "letter", Step: "letter", Now: renderedAt, Anchor: renderedAt,
		Customer: campaign.Customer{
			ID: int64(i + 1), ExternalID: fmt.Sprint("c", i), Email: "maria@kape.example", Locale: "en",
			Attributes: map[string]any{"first_name": "Maria"},
		},
	}
}

// basketOf is a mail about three products.
func basketOf(i int) campaign.Outgoing {
	o := letterTo(i)
	o.Campaign, o.Step = "basket", "basket"
	o.Cart = &campaign.Cart{ID: "1"}
	for j, name := range []string{"Barako, whole bean, 250 g", "Filter papers <100>", "Mug “Iloilo”"} {
		id := fmt.Sprint(j)
		o.Cart.Lines = append(o.Cart.Lines, campaign.Line{ProductID: id, Quantity: float64(j + 1), Price: 9.5, Properties: map[string]any{
			"name": name, "url": "https://kape.example/p/" + id + "?from=basket&size=l", "image_url": "https://kape.example/i/" + id + ".jpg",
		}})
	}
	return o
}

// plainMail is the data of a mail as the baseline's templates name it.
type plainMail struct {
	FirstName, ID, Address, Unsubscribe string
	Products                            []plainProduct
	Value                               float64
}

type plainProduct struct {
	Name, URL, Image string
	Quantity         int
	Price            float64
}

func plainOf(o campaign.Outgoing) plainMail {
	m := plainMail{
		FirstName: o.Customer.Attributes["first_name"].(string), ID: o.Customer.ExternalID,
		Address: "1 Bench Street, Iloilo", Unsubscribe: "https://mail.kape.example/u/" + o.Customer.ExternalID,
	}
	if o.Cart == nil {
		return m
	}
	m.Value = o.Cart.Value()
	for _, l := range o.Cart.Lines {
		m.Products = append(m.Products, plainProduct{
			l.Properties["name"].(string), l.Properties["url"].(string), l.Properties["image_url"].(string), int(l.Quantity), l.Price,
		})
	}
	return m
}
