package render

import "strings"

// What other mailers and shops have, and what is written for it here.
var (
	foreignTags = map[string]string{
		"include":           `write {% render "name" %}`,
		"tablerow":          "write a for loop",
		"echo":              "write {{ value }}",
		"liquid":            "write each of its lines as a tag",
		"increment":         "write {% assign n = n | plus: 1 %}",
		"decrement":         "write {% assign n = n | minus: 1 %}",
		"layout":            "name it in the front matter, as in layout: base",
		"extends":           "name it in the front matter, as in layout: base",
		"abort_message":     "say in the campaign's audience, or by the step's when, who gets the mail",
		"connected_content": "send what the mail needs with the event, or give it by with: beside send:",
		"unsubscribe_url":   "write {{ links.unsubscribe }}",
	}
	foreignFilters = map[string]string{
		"timezone":  "date writes in the customer's zone",
		"time_zone": "date writes in the customer's zone",
		"titlecase": "write titleize",
		"title":     "write titleize",
		"safe":      "every output is escaped for its place",
		"img_url":   "write the picture's whole address",
		"asset_url": "write its whole address",
		"link_to":   `write <a href="{{ address }}">`,
		"translate": "write t",
	}
	foreignRoots = map[string]string{
		"event": "write trigger", "item": "item is only known within its for",
		"shop": "write workspace.name, or brand.site", "checkout": "write cart, or trigger",
		"unsubscribe": "write links.unsubscribe", "unsubscribe_url": "write links.unsubscribe", "unsubscribe_link": "write links.unsubscribe",
		"first_name": "write customer.first_name", "last_name": "write customer.last_name", "email": "write customer.email",
		"person": "write customer", "contact": "write customer", "subscriber": "write customer", "profile": "write customer", "user": "write customer", "recipient": "write customer",
		"custom_attribute": "write customer", "content_blocks": `write {% render "name" %}`,
	}
)

// braced is what stands in ${…}, as Braze writes names; empty if there is none.
func braced(s string) string {
	_, after, _ := strings.Cut(s, "${")
	name, _, _ := strings.Cut(after, "}")
	return name
}
