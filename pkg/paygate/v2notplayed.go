package paygate

import (
	"net/http"
	"slices"
	"strings"
)

// foldersV2 are where the real gateway has calls of APIv2, played or not. The sandboxes are below
// /sandboxnew/ and /xdc/.
var foldersV2 = []string{
	"/pay/", "/secapi/", "/mmpaymkttransfers/", "/mmpaysptrans/", "/mmpaysmb/", "/mchrisk/", "/risk/", "/tools/", "/papay/", "/deposit/",
	"/payitil/", "/billcommentsp/", "/fund/", "/sandboxnew/", "/xdc/", "/appauth/", "/publicappauth/",
}

// isV2 reports whether a path is one of APIv2.
func isV2(path string) bool {
	return slices.ContainsFunc(foldersV2, func(folder string) bool { return strings.HasPrefix(path, folder) })
}

// notPlayedV2 answers a call of APIv2 that the emulator does not play, in APIv2's form, so that an
// SDK can show its user the sentence. HTTP says 200, as always there.
func (ex *exchange) notPlayedV2(path string) {
	known := make([]string, 0, len(endpointsV2))
	for _, endpoint := range sortedKeys(endpointsV2) {
		known = append(known, "POST "+endpoint)
	}
	reason := "APIv2 has no such path here: played are " + strings.Join(known, ", ")
	if strings.HasPrefix(path, "/sandboxnew/") || strings.HasPrefix(path, "/xdc/") {
		reason = "the sandboxes are not played: leave their prefix out; played are " + strings.Join(known, ", ")
	}
	ex.failV2(verdictNotFound, notPlayed(ex.r), reason)
}

// errcodeInvalidURL is WeChat's platform's number for an address that it does not have.
const errcodeInvalidURL = 40066

// notPlayedCloudRun answers a call of cloud hosting's link that the emulator does not play. Placing
// (/_/pay/unifiedorder), refunds and reversals are the real link's; their forms are not known well
// enough here.
func (g *Gateway) notPlayedCloudRun(ex *exchange) {
	no := errcode(errcodeInvalidURL, "invalid url: "+notPlayed(ex.r)).
		because("wxcloudrun has no such path here: POST /_/pay/closeorder and POST /_/pay/queryorder are played")
	ex.refused(no)
	ex.rec.Verdict = verdictNotFound
	q := &question{api: apiCloudRun}
	g.finish(ex, cloudRunWire{}, q, cloudRunWire{}.refused(q, no), nil)
}

// notPlayedAtAll answers a path of no API: in XML if the request speaks XML, as an SDK for APIv2
// with a prefix too much does, and else in JSON.
func (ex *exchange) notPlayedAtAll() {
	reason := "no API has this path; APIv2 is under /pay/ and /secapi/, APIv3 under /v3/ and /hk/v3/, wxcloudrun under " + pathCloudRun
	if !ex.read() {
		return
	}
	if ex.speaksXML() {
		ex.failV2(verdictNotFound, notPlayed(ex.r), reason)
		return
	}
	ex.rec.Verdict, ex.rec.Reason = verdictNotFound, reason
	rp := newReplyV3(http.StatusNotFound, struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}{codeNotPlayed, notPlayed(ex.r)})
	ex.send(rp, nil)
}
