package cli

import (
	"sync/atomic"
	"time"

	"tidings/internal/render"
)

// productsLookedAt is how often a process that sends looks whether the catalogue
// was imported anew.
const productsLookedAt = time.Minute

// products reads the shop's catalogue for templates, and reads it again when there
// is another, until the process ends. A catalogue that cannot be read leaves the
// one before it.
func (m *machine) products() func() *render.Catalogue {
	var now atomic.Pointer[render.Catalogue]
	var known time.Time
	look := func() {
		at, err := m.store.ProductsAt(m.rt.ctx)
		if err == nil && !at.Equal(known) {
			list, read, lerr := m.store.Products(m.rt.ctx)
			if err = lerr; err == nil {
				known = read
				now.Store(render.NewCatalogue(list))
			}
		}
		if err != nil && m.rt.ctx.Err() == nil {
			m.rt.log.Warn("the catalogue was not read", "error", err)
		}
	}
	look()
	go func() {
		every := time.NewTicker(productsLookedAt)
		defer every.Stop()
		for {
			select {
			case <-m.rt.ctx.Done():
				return
			case <-every.C:
				look()
			}
		}
	}()
	return now.Load
}
