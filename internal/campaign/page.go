package campaign

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Page is a mail's HTML as it is kept for those who open it in the browser: packed,
// since it is kept for every single mail.
type Page []byte

const (
	// PageKept is for how long.
	PageKept = 30 * 24 * time.Hour
	// No mail is larger: see what a template may write.
	maxPage = 2 << 20
)

var packers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is one that there is
	}
	return w
}}

// PackPage packs HTML.
func PackPage(html []byte) Page {
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	out := bytes.NewBuffer(make([]byte, 0, len(html)/2+64))
	w.Reset(out)
	// A buffer takes whatever is written.
	_, _ = w.Write(html)
	_ = w.Close()
	return out.Bytes()
}

// HTML unpacks it.
func (p Page) HTML() ([]byte, error) {
	r := flate.NewReader(bytes.NewReader(p))
	defer r.Close()
	html, err := io.ReadAll(io.LimitReader(r, maxPage+1))
	if err != nil {
		return nil, fmt.Errorf("unpack the page of a mail: %w", err)
	}
	if len(html) > maxPage {
		return nil, errors.New("unpack the page of a mail: it is larger than any mail")
	}
	return html, nil
}
