package preview_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/chromium"
	"tidings/internal/preview"
)

func fixedNow() time.Time { return time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC) }

// mostBytes is what a picture of the docs may have.
const mostBytes = 150 << 10

// frame is a mail, or a page of the preview, within a picture.
type frame struct {
	html, url string
	view      chromium.View
	scale     float64
}

// TestPictures takes the pictures of the docs anew; UPDATE_PICTURES=1 keeps them.
// Fonts differ from machine to machine, so only their measures are compared.
func TestPictures(t *testing.T) {
	d := serve(t, os.DirFS("../.."), nora{}, true) // ends after the page, which follows it
	e := look(t)
	all := pictureFrames(e, d.url)
	for _, name := range pictureNames {
		raw := e.sheet(all[name])
		if len(raw) > mostBytes {
			t.Errorf("%s has %d bytes", name, len(raw))
		}
		path := filepath.Join("../../docs/pictures", name)
		if os.Getenv("UPDATE_PICTURES") != "" {
			if err := os.WriteFile(path, raw, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		kept, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%v; UPDATE_PICTURES=1 makes it", err)
		}
		was, err := png.DecodeConfig(bytes.NewReader(kept))
		if err != nil {
			t.Fatal(err)
		}
		is, err := png.DecodeConfig(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if was.Width != is.Width {
			t.Errorf("%s is %d wide, now %d; UPDATE_PICTURES=1 makes it anew", name, was.Width, is.Width)
		}
	}
}

// The docs show no picture that is not made here, and all that are.
func TestPicturesShown(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, page := range append(pages, "../../README.md") {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	for _, name := range pictureNames {
		if !bytes.Contains(all, []byte("pictures/"+name+")")) {
			t.Errorf("no page shows %s", name)
		}
	}
}

var pictureNames = []string{
	"first-mail.png", "product-grid.png", "six-languages.png", "example-cart.png", "example-mails.png", "preview.png", "preview-dark.png",
}

func pictureFrames(e *eye, url string) map[string][]frame {
	first, last := guideStudioAt(e, "1"), guideStudio(e)
	example := studioOf(e, "../..", nora{})
	phone, phoneDark := chromium.View{Width: 375, Height: 100}, chromium.View{Width: 375, Height: 100, Dark: true}
	mail := func(s *preview.Studio, campaign, step, locale string, v chromium.View, scale float64) frame {
		m, err := s.Mail(e.ctx, preview.Choice{Campaign: campaign, Step: step, Locale: locale, Customer: "nora"})
		if err != nil {
			e.Fatal(err)
		}
		return frame{html: m.Shown, view: v, scale: scale}
	}
	var languages []frame
	for _, locale := range last.Catalog.Workspace.Locales {
		languages = append(languages, mail(last, "new-arrivals", "", locale, phone, 0.5))
	}
	page := func(query string, v chromium.View) []frame {
		return []frame{{url: url + "/?" + query, view: v, scale: 0.75}}
	}
	wide := chromium.View{Width: 600, Height: 100}
	return map[string][]frame{
		"first-mail.png":    {mail(first, "new-arrivals", "", "en", wide, 1)},
		"product-grid.png":  {mail(last, "new-arrivals", "", "en", wide, 0.8), mail(last, "new-arrivals", "", "en", phoneDark, 0.8)},
		"six-languages.png": languages,
		"example-cart.png":  {mail(example, "abandoned-cart", "", "en", wide, 0.8), mail(example, "abandoned-cart", "", "he", phoneDark, 0.8)},
		"example-mails.png": {
			mail(example, "welcome", "", "ms", phone, 0.5), mail(example, "after-an-order", "thank-you-again", "hy", phone, 0.5),
			mail(example, "monthly-letter", "", "el", phone, 0.5), mail(example, "win-back", "", "fil", phone, 0.5),
		},
		"preview.png":      page("campaign=abandoned-cart&locale=he&customer=nora", chromium.View{Width: 1440, Height: 900}),
		"preview-dark.png": page("campaign=abandoned-cart&locale=he&customer=emoji&scheme=dark", chromium.View{Width: 1440, Height: 900, Dark: true}),
	}
}

// follows waits until the preview's page has heard from its server.
const follows = `new Promise(done => {
  const live = document.getElementById("live");
  if (live.classList.contains("on")) return done(true);
  new MutationObserver(() => done(true)).observe(live, {attributes: true});
})`

// sheet is a picture of frames side by side.
func (e *eye) sheet(frames []frame) []byte {
	e.Helper()
	const gap = 16
	var parts []image.Image
	size := image.Pt(gap, 0)
	if len(frames) == 1 {
		return e.picture(frames[0])
	}
	for _, f := range frames {
		part, err := png.Decode(bytes.NewReader(e.picture(f)))
		if err != nil {
			e.Fatal(err)
		}
		parts = append(parts, part)
		size = image.Pt(size.X+part.Bounds().Dx()+gap, max(size.Y, part.Bounds().Dy()+2*gap))
	}
	out := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(out, out.Bounds(), image.NewUniform(color.RGBA{0xd8, 0xd8, 0xd8, 0xff}), image.Point{}, draw.Src)
	x := gap
	for _, part := range parts {
		draw.Draw(out, part.Bounds().Add(image.Pt(x, gap)), part, image.Point{}, draw.Src)
		x += part.Bounds().Dx() + gap
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, out); err != nil {
		e.Fatal(err)
	}
	return b.Bytes()
}

func (e *eye) picture(f frame) []byte {
	e.Helper()
	e.see(f.view)
	height := 0
	if f.url != "" {
		height = f.view.Height
		if err := e.page.Open(e.ctx, f.url); err != nil {
			e.Fatal(err)
		}
		if err := e.page.Eval(e.ctx, follows, nil); err != nil {
			e.Fatal(err)
		}
	} else {
		e.show(f.html)
	}
	raw, err := e.page.Picture(e.ctx, f.scale, height)
	if err != nil {
		e.Fatal(err)
	}
	return raw
}

// nora is a store of one customer, who likes coffee.
type nora struct{}

func (nora) Letter(_ context.Context, c *campaign.Campaign, ref string) (campaign.Outgoing, preview.Occasion, error) {
	if ref != "nora" {
		return campaign.Outgoing{}, "", preview.ErrUnknown
	}
	o := campaign.Outgoing{
		Campaign: c.Name, Now: fixedNow(), Anchor: fixedNow(), Trigger: json.RawMessage(`{}`),
		Customer: campaign.Customer{ID: 7, ExternalID: "nora", Email: "nora@shop.example", Timezone: "Asia/Manila", Attributes: map[string]any{"first_name": "Nora"}},
	}
	var products []map[string]any
	for _, p := range []struct {
		id, name        string
		quantity, price float64
	}{{"barako", "Kapeng Barako 250 g", 2, 9.5}, {"moka", "Moka pot for three", 1, 24}, {"towel", "Linen tea towel", 1, 8}} {
		at := "https://kape.example/" + p.id
		products = append(products, map[string]any{"product_id": p.id, "name": p.name, "quantity": p.quantity, "price": p.price, "url": at, "image_url": at + ".png"})
	}
	switch c.Trigger.(type) {
	case campaign.AbandonedCart:
		o.Cart = &campaign.Cart{ID: "1"}
		for _, p := range products {
			o.Cart.Lines = append(o.Cart.Lines, campaign.Line{ProductID: p["product_id"].(string), Quantity: p["quantity"].(float64), Price: p["price"].(float64), Properties: p})
		}
	case campaign.PastPurchase:
		raw, err := json.Marshal(map[string]any{"order_id": "K-2048", "total": 51, "currency": "GBP", "products": products})
		if err != nil {
			return o, "", err
		}
		o.Trigger = raw
	}
	return o, preview.Entered, nil
}

func (nora) Sample(context.Context, int) ([]campaign.Customer, error) {
	o, _, err := nora{}.Letter(context.Background(), &campaign.Campaign{}, "nora")
	return []campaign.Customer{o.Customer}, err
}
