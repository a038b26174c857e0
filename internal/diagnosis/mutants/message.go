// Package mutants makes messages with one known mistake each, for the tests of what finds mistakes.
//
// A mistake is made as a program makes it: by signing one text and sending another, by a wrong key,
// by writing a right signature in a wrong way. Good messages are what they are made of: those that
// other people's SDKs sent to the emulated gateway and what it answered (testdata/captured), and
// those that a caller gives. The package has canonical texts, an order of keys and escapes of its
// own, from WeChat Pay's documents: it must not share a mistake with what it is to judge, and so
// imports nothing of this module.
//
// A mutant is made from two numbers, and is the same whenever it is made from them, as long as the
// good messages are the same but for their signatures' time.
package mutants

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is what a message is, and so which mistakes can be made in it.
type Kind string

// The kinds of messages. A notification of APIv2 about a payment has the form of a reply.
const (
	RequestV3      Kind = "v3"
	RequestV2      Kind = "v2"
	ReplyV3        Kind = "reply"
	ReplyV2        Kind = "reply-v2"
	NotificationV3 Kind = "notification"
	NotificationV2 Kind = "notification-v2"
	PaySign        Kind = "paysign" // what a client is handed to pay with, as JSON
)

// Message is a request, a reply or a notification as it went over the wire.
type Message struct {
	Kind Kind
	// From is the program that made it; empty: one of this module.
	From string
	// Method, URI and Host are those of a request and of a notification.
	Method, URI, Host string
	// Status is that of a reply.
	Status int
	Header http.Header
	Body   []byte
	// At is when it arrived. Zero: it has no time, as in APIv2.
	At time.Time
	// Order is the one that a client is to pay.
	Order Order
}

// clone copies a message, so that the copy can be changed.
func (m Message) clone() Message {
	m.Header, m.Body = m.Header.Clone(), bytes.Clone(m.Body)
	return m
}

// Captured returns the messages of testdata/captured, and gives the world's certificate the serial
// number that the gateway had chosen for it.
func (w *World) Captured() ([]Message, error) {
	names, err := files.ReadDir("testdata/captured")
	if err != nil {
		return nil, fmt.Errorf("reading the captured messages: %w", err)
	}
	var all []Message
	for _, entry := range names {
		from, isRequests := strings.CutSuffix(entry.Name(), ".requests.http")
		if !isRequests {
			continue
		}
		exchanges, err := readExchanges(from)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name(), err)
		}
		all = append(all, exchanges...)
	}
	for _, m := range all {
		if serial := m.Header.Get("Wechatpay-Serial"); m.Kind == ReplyV3 && serial != w.PublicKey.Serial {
			w.Certificate.Serial = serial
		}
	}
	return all, nil
}

// readExchanges reads the requests of one program and the replies to them, in the same order.
func readExchanges(from string) ([]Message, error) {
	sent, err := files.ReadFile(path.Join("testdata/captured", from+".requests.http"))
	if err != nil {
		return nil, err
	}
	answered, err := files.ReadFile(path.Join("testdata/captured", from+".replies.http"))
	if err != nil {
		return nil, err
	}
	requests, replies := bufio.NewReader(bytes.NewReader(sent)), bufio.NewReader(bytes.NewReader(answered))
	var all []Message
	for {
		request, err := http.ReadRequest(requests)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		both, err := readExchange(from, request, replies)
		if err != nil {
			return nil, err
		}
		all = append(all, both...)
	}
}

// readExchange returns a request with its reply, of which a notification's is left out.
func readExchange(from string, request *http.Request, replies *bufio.Reader) ([]Message, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	reply, err := http.ReadResponse(replies, request)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(reply.Body)
	if err := errors.Join(err, reply.Body.Close()); err != nil {
		return nil, err
	}
	sent := Message{
		From: from, Method: request.Method, URI: request.RequestURI, Host: request.Host, Header: request.Header, Body: body,
	}
	answered := Message{From: from, Status: reply.StatusCode, Header: reply.Header, Body: answer}
	v3 := strings.HasPrefix(sent.URI, "/v3/")
	switch {
	case request.Header.Get("Wechatpay-Signature") != "":
		sent.Kind, sent.At = NotificationV3, stamped(sent.Header)
		return []Message{sent}, nil
	case bytes.Contains(body, []byte("<req_info>")):
		sent.Kind = NotificationV2
		return []Message{sent}, nil
	case bytes.Contains(body, []byte("<return_code>")):
		sent.Kind = ReplyV2 // a notification of a payment, which is signed as a reply is
		return []Message{sent}, nil
	case !v3:
		sent.Kind, answered.Kind = RequestV2, ReplyV2
	default:
		answered.Kind, answered.At = ReplyV3, stamped(reply.Header)
		sent.Kind, sent.At = RequestV3, answered.At
	}
	return []Message{sent, answered}, nil
}

// stamped is the time in the header of a reply or a notification.
func stamped(header http.Header) time.Time {
	seconds, _ := strconv.ParseInt(header.Get("Wechatpay-Timestamp"), 10, 64) // none: 1970, which nothing fits
	return time.Unix(seconds, 0)
}

// byOrigin tells apart the messages of other people's programs, which are made first.
func byOrigin(all []Message) (theirs, ours []Message) {
	all = slices.SortedStableFunc(slices.Values(all), func(a, b Message) int { return cmp.Compare(a.From, b.From) })
	for _, m := range all {
		if m.From == "" {
			ours = append(ours, m)
		} else {
			theirs = append(theirs, m)
		}
	}
	return theirs, ours
}
