package chromium

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Page is a tab.
type Page struct {
	wire    *wire
	session string
	frame   string
	away    bool // at an address, whose policies would hold for what is put in its place
}

// View is how a page is seen.
type View struct {
	Width, Height int
	Dark          bool // by prefers-color-scheme
}

// Page opens a tab; it ends with the browser, or before by Close.
func (b *Browser) Page(ctx context.Context) (*Page, error) {
	p := &Page{wire: b.wire}
	var target struct{ TargetID string }
	if err := p.call(ctx, "Target.createTarget", params{"url": blank}, &target); err != nil {
		return nil, err
	}
	var attached struct{ SessionID string }
	if err := p.call(ctx, "Target.attachToTarget", params{"targetId": target.TargetID, "flatten": true}, &attached); err != nil {
		return nil, err
	}
	p.session, p.frame = attached.SessionID, target.TargetID
	return p, p.call(ctx, "Page.enable", nil, nil)
}

// Close ends the tab, and what it is loading or listening to.
func (p *Page) Close(ctx context.Context) error {
	return p.wire.call(ctx, "", "Target.closeTarget", params{"targetId": p.frame}, nil)
}

const blank = "about:blank"

type params map[string]any

func (p *Page) call(ctx context.Context, method string, params, result any) error {
	return p.wire.call(ctx, p.session, method, params, result)
}

// See sets how the page is seen from now on.
func (p *Page) See(ctx context.Context, v View) error {
	if v.Height == 0 {
		v.Height = 800
	}
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	if err := p.call(ctx, "Emulation.setEmulatedMedia", params{"features": []params{{"name": "prefers-color-scheme", "value": scheme}}}, nil); err != nil {
		return err
	}
	return p.call(ctx, "Emulation.setDeviceMetricsOverride", params{"width": v.Width, "height": v.Height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// Open goes to an address and waits until all that it shows is there.
func (p *Page) Open(ctx context.Context, url string) error {
	p.away = url != blank
	loaded := p.wire.next(p.session, "Page.loadEventFired")
	var went struct{ ErrorText string }
	if err := p.call(ctx, "Page.navigate", params{"url": url}, &went); err != nil {
		return err
	}
	if went.ErrorText != "" {
		return fmt.Errorf("open %s: %s", url, went.ErrorText)
	}
	return p.settled(ctx, loaded)
}

// Show puts HTML in place of what the page holds.
func (p *Page) Show(ctx context.Context, html string) error {
	if p.away {
		if err := p.Open(ctx, blank); err != nil {
			return err
		}
	}
	loaded := p.wire.next(p.session, "Page.loadEventFired")
	if err := p.call(ctx, "Page.setDocumentContent", params{"frameId": p.frame, "html": html}, nil); err != nil {
		return err
	}
	return p.settled(ctx, loaded)
}

func (p *Page) settled(ctx context.Context, loaded <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("load the page: %w", ctx.Err())
	case <-loaded:
	}
	if err := p.wire.err(); err != nil {
		return err
	}
	return p.Eval(ctx, "document.fonts.ready.then(() => true)", nil)
}

// Eval runs a script in the page and decodes what it comes to into result, unless
// nil.
func (p *Page) Eval(ctx context.Context, script string, result any) error {
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := p.call(ctx, "Runtime.evaluate", params{"expression": script, "awaitPromise": true, "returnByValue": true}, &answer)
	switch {
	case err != nil:
		return err
	case answer.ExceptionDetails != nil:
		return errors.New(answer.ExceptionDetails.Text + " " + answer.ExceptionDetails.Exception.Description)
	case result == nil:
		return nil
	}
	return json.Unmarshal(answer.Result.Value, result)
}

// Picture is the whole page as a PNG, scaled; with a height, only that much of it
// from the top.
func (p *Page) Picture(ctx context.Context, scale float64, height int) ([]byte, error) {
	var size struct{ Width, Height int }
	if err := p.Eval(ctx, "({width: innerWidth, height: document.documentElement.scrollHeight})", &size); err != nil {
		return nil, err
	}
	if height > 0 {
		size.Height = height
	}
	var shot struct{ Data []byte }
	err := p.call(ctx, "Page.captureScreenshot", params{
		"format": "png", "captureBeyondViewport": true,
		"clip": params{"x": 0, "y": 0, "width": size.Width, "height": size.Height, "scale": scale},
	}, &shot)
	return shot.Data, err
}
