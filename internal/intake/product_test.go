package intake_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/intake"
)

func readProducts(t *testing.T, text string) (out []campaign.Product, bad []string) {
	t.Helper()
	_, rows, err := intake.Products(strings.NewReader(text), "feed", intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for p, err := range rows {
		var r *intake.Rejected
		switch {
		case errors.As(err, &r):
			bad = append(bad, r.Error())
		case err != nil:
			bad = append(bad, err.Error())
		default:
			out = append(out, p)
		}
	}
	return out, bad
}

// The same two products in each form that shops write.
func TestProducts(t *testing.T) {
	want := []campaign.Product{
		{ID: "007", InStock: true, Properties: map[string]any{"name": "Barako", "url": "https://kape.example/p/007", "image_url": "https://kape.example/7.jpg", "price": 8.5, "was": 10.0, "currency": "EUR", "category": "Coffee > Beans", "availability": "in stock"}},
		{ID: "8", InStock: false, Properties: map[string]any{"name": "Cup", "price": 4.0, "availability": "out_of_stock"}},
	}
	for name, text := range map[string]string{
		"csv": "id,title,link,image link,price,sale price,product type,availability\n007,Barako,https://kape.example/p/007,https://kape.example/7.jpg,10.00 EUR,8.5,Coffee > Beans,in stock\n8,Cup,,,4,,,out_of_stock\n",
		"tsv": "id\ttitle\tlink\timage_link\tprice\tsale_price\tproduct_type\tavailability\n007\tBarako\thttps://kape.example/p/007\thttps://kape.example/7.jpg\t10.00 EUR\t8.5\tCoffee > Beans\tin stock\n8\tCup\t\t\t4\t\t\tout_of_stock\n",
		"ndjson": `{"product_id":"007","name":"Barako","url":"https://kape.example/p/007","image_url":"https://kape.example/7.jpg","price":10,"sale_price":8.5,"currency":"EUR","category":"Coffee > Beans","availability":"in stock"}` + "\n" +
			`{"product_id":8,"name":"Cup","price":4,"availability":"out_of_stock"}` + "\n",
		"rss": `<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Kape</title>
<item><g:id>007</g:id><title>Barako</title><link>https://kape.example/p/007</link><g:image_link>https://kape.example/7.jpg</g:image_link><g:price>10.00 EUR</g:price><g:sale_price>8.50 EUR</g:sale_price><g:product_type>Coffee &gt; Beans</g:product_type><g:availability>in stock</g:availability><g:shipping><g:price>3 EUR</g:price></g:shipping></item>
<item><g:id>8</g:id><g:title>Cup</g:title><g:price>4</g:price><g:availability>out_of_stock</g:availability></item></channel></rss>`,
		"atom": `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><title>Kape</title>
<entry><g:id>007</g:id><title>Barako</title><link href="https://kape.example/p/007"/><g:image_link>https://kape.example/7.jpg</g:image_link><g:price>10 EUR</g:price><g:sale_price>8.5 EUR</g:sale_price><g:product_type>Coffee &gt; Beans</g:product_type><g:availability>in stock</g:availability></entry>
<entry><g:id>8</g:id><title>Cup</title><g:price>4</g:price><g:availability>out_of_stock</g:availability></entry></feed>`,
	} {
		got, bad := readProducts(t, text)
		if len(bad) > 0 {
			t.Errorf("%s: %v", name, bad)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestProductsRejected(t *testing.T) {
	_, bad := readProducts(t, "id,title,price,availability,in_stock,link\n,x,1,,,\n2,,1,,,\n3,x,much,,,\n4,x,1 EURO,,,\n5,x,1,perhaps,,\n6,x,1,,maybe,\n7,x,-1,,,\n8,x,1,,0,/p/8\n9,x,1,,12,\n")
	want := []string{
		"line 2: product_id is missing", "line 3: name is missing", "line 4: price is not a price, as 19.99 or 19.99 EUR", "line 5: price is not a price, as 19.99 or 19.99 EUR",
		"line 6: availability is not one of in_stock, out_of_stock, preorder and backorder", "line 7: in_stock is neither a number nor true or false",
		"line 8: price is not a price, as 19.99 or 19.99 EUR", "line 9: url is not a whole address, as in https://shop.example/p/1",
	}
	if d := cmp.Diff(want, bad); d != "" {
		t.Error(d)
	}
	for text, want := range map[string]string{
		"<rss><item><id>1</id></item><item>": "the feed is not XML",
		"<rss><item><title>x</title></item>": "product_id is missing",
	} {
		if _, bad := readProducts(t, text); len(bad) == 0 || !strings.Contains(strings.Join(bad, "\n"), want) {
			t.Errorf("%s: %v", text, bad)
		}
	}
}

func FuzzProducts(f *testing.F) {
	for _, s := range []string{"id,title\n1,x\n", "<rss><item><g:id>1</g:id></item></rss>", `{"id":1,"title":"x","price":"1 EUR"}`, "<entry/>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, rows, err := intake.Products(strings.NewReader(text), "feed", intake.Options{})
		if err != nil {
			return
		}
		for p, err := range rows {
			if err == nil && (p.ID == "" || p.Properties == nil) {
				t.Fatalf("a product without an id: %+v", p)
			}
		}
	})
}
