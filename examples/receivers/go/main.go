// Receives cloudpay's events and acts on each once (docs/events.md).
//
//	CLOUDPAY_NOTIFY_KEY=whsec_… go run ./examples/receivers/go 127.0.0.1:8080 shop.jsonl
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// secretsOf returns the bytes of the keys, which have spaces between. No key, or one that can be
// guessed, would let anyone sign.
func secretsOf(keys string) ([][]byte, error) {
	const rule = "CLOUDPAY_NOTIFY_KEY must be one key or two: whsec_ and the base64 of 24 to 64 bytes, or at least 16 characters"
	var secrets [][]byte
	for key := range strings.FieldsSeq(keys) {
		secret, least, most := []byte(key), 16, 256
		if encoded, is := strings.CutPrefix(key, "whsec_"); is {
			var err error
			if secret, err = base64.StdEncoding.DecodeString(encoded); err != nil {
				return nil, errors.New(rule)
			}
			least, most = 24, 64
		}
		if len(secret) < least || len(secret) > most {
			return nil, errors.New(rule)
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) == 0 {
		return nil, errors.New(rule)
	}
	return secrets, nil
}

// verify returns the event's id if body was signed with one of the secrets within five minutes.
func verify(secrets [][]byte, header http.Header, body []byte) (id string, ok bool) {
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	sent, err := strconv.ParseInt(timestamp, 10, 64)
	if id == "" || err != nil || time.Since(time.Unix(sent, 0)).Abs() > 5*time.Minute {
		return "", false
	}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		for given := range strings.SplitSeq(header.Get("webhook-signature"), " ") {
			if hmac.Equal([]byte(given), []byte(want)) {
				return id, true
			}
		}
	}
	return "", false
}

type event map[string]any

func (e event) text(name string) string {
	text, _ := e[name].(string)
	return text
}

// order is the order's full name.
func (e event) order() string {
	return strings.Join([]string{e.text("region"), e.text("mchId"), e.text("subMchId"), e.text("outTradeNo")}, "/")
}

// what says what the shop does about an event.
func (e event) what() string {
	switch e.text("kind") {
	case "closed", "notFound":
		return "release"
	case "paid":
		return "deliver"
	case "test":
		return "none" // cloudpay doctor --send
	}
	return "look" // a person has to; new kinds may come
}

// end names an order's end, which it has once; after a restore it may come under another id. It is
// empty for all else.
func (e event) end() string {
	switch kind := e.text("kind"); kind {
	case "closed", "notFound", "paid":
		return kind + " " + e.order()
	case "paidOtherAmount":
		return "paid " + e.order()
	}
	return ""
}

// shop stands for the shop's database. A line of its journal has an event's id, its end, and what
// was done for it, so that all are kept or none is. The ids and ends are handled.
type shop struct {
	mu      sync.Mutex
	journal *os.File
	handled map[string]bool
}

type entry struct{ ID, End, What, Order string }

// openShop reads the journal. A line that a crash cut off is no line.
func openShop(path string) (*shop, error) {
	const private = 0o600
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, private)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	s := &shop{journal: file, handled: map[string]bool{}}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	for line := range bytes.Lines(whole) {
		var done entry
		if err := json.Unmarshal(line, &done); err != nil {
			return nil, err
		}
		s.keep(done)
	}
	if err := file.Truncate(int64(len(whole))); err != nil {
		return nil, err
	}
	_, err = file.Seek(int64(len(whole)), io.SeekStart)
	return s, err
}

// receive acts on an event unless the shop has done so. After an error nothing else may be
// received.
func (s *shop) receive(id string, e event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := entry{ID: id, End: e.end(), What: e.what(), Order: e.order()}
	if s.handled[done.ID] || s.handled[done.End] {
		return nil
	}
	line, err := json.Marshal(done)
	if err != nil {
		return err
	}
	if _, err := s.journal.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := s.journal.Sync(); err != nil {
		return err
	}
	s.keep(done)
	fmt.Println(done.What, done.Order)
	return nil
}

func (s *shop) keep(done entry) {
	s.handled[done.ID] = true
	if done.End != "" {
		s.handled[done.End] = true
	}
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: receiver HOST:PORT FILE")
	}
	secrets, err := secretsOf(os.Getenv("CLOUDPAY_NOTIFY_KEY"))
	if err != nil {
		log.Fatal(err)
	}
	s, err := openShop(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: os.Args[1], ReadTimeout: 10 * time.Second, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
			if err != nil { // too long or too slow: the connection is closed, too
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				return
			}
			id, ok := verify(secrets, r.Header, body)
			if !ok {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			var e event
			if err := json.Unmarshal(body, &e); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			if err := s.receive(id, e); err != nil {
				log.Fatal(err) // it is not known what the file has: the next start reads it
			}
			w.WriteHeader(http.StatusNoContent)
		})}
	log.Fatal(server.ListenAndServe())
}
