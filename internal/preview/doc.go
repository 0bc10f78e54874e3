// Package preview shows mails before anybody gets them: to a made-up customer or to
// one of the store, by the renderer that the worker has, each with what is wrong with
// it. Nothing of it is recorded: its links are signed by a key that no store has.
//
// A Studio renders one mail (Mail) or every one of a workspace (All). A Server shows
// them in a browser and renders anew when a file has changed.
package preview
