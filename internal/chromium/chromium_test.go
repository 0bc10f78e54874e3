package chromium

import (
	"bytes"
	"context"
	"image/png"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"
)

// What a page is and asks for, how wide it is and which colours it prefers, comes
// through; hosts lead to the test alone.
func TestBrowser(t *testing.T) {
	path := os.Getenv("TEST_CHROMIUM")
	if path == "" {
		t.Skip("TEST_CHROMIUM is not set")
	}
	asked := make(chan string, 8)
	b, err := Start(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "shop.example" { // the browser itself asks for others
			asked <- r.URL.Path
		}
		w.Header().Set("Content-Type", "image/svg+xml")
		_, _ = w.Write([]byte(`<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"/>`))
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, err := b.Page(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.See(ctx, View{Width: 375, Dark: true}); err != nil {
		t.Fatal(err)
	}
	if err := p.Show(ctx, `<!doctype html><body style="margin:0"><img src="https://shop.example/a.svg">`); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Width, Image int
		Dark         bool
	}
	if err := p.Eval(ctx, `({width: innerWidth, image: document.images[0].width, dark: matchMedia("(prefers-color-scheme: dark)").matches})`, &got); err != nil {
		t.Fatal(err)
	}
	if got.Width != 375 || got.Image != 40 || !got.Dark {
		t.Errorf("seen: %+v", got)
	}
	if path := <-asked; path != "/a.svg" {
		t.Errorf("asked for %s", path)
	}
	raw, err := p.Picture(ctx, 2, 100)
	if err != nil {
		t.Fatal(err)
	}
	if image, err := png.Decode(bytes.NewReader(raw)); err != nil || image.Bounds().Dx() != 750 || image.Bounds().Dy() != 200 {
		t.Errorf("picture: %v", err)
	}
	// What a page forbids is not forbidden to the next.
	for _, policy := range []string{"<meta http-equiv='content-security-policy' content=\"style-src 'none'\">", ""} {
		if err := p.Open(ctx, "data:text/html,"+url.PathEscape(policy)); err != nil {
			t.Fatal(err)
		}
		if err := p.Show(ctx, `<p style="color:#010203">x`); err != nil {
			t.Fatal(err)
		}
		var colour string
		if err := p.Eval(ctx, `getComputedStyle(document.querySelector("p")).color`, &colour); err != nil || colour != "rgb(1, 2, 3)" {
			t.Errorf("the colour is %s, %v", colour, err)
		}
	}
	if err := p.Eval(ctx, "nothing.at.all", nil); err == nil {
		t.Error("no error of a script that fails")
	}
}

func TestNoBrowser(t *testing.T) {
	if _, err := Start("/bin/no-such-browser", http.NotFoundHandler()); err == nil {
		t.Error("started")
	}
}
