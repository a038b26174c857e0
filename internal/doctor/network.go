package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/wechatpay"
	"cloudpay/pkg/wire"
)

const (
	// maxProbe limits one probe of an address, to a third of the remaining time if that is less:
	// the query must still fit.
	maxProbe = 5 * time.Second
	// maxPage limits what is read of a reply: enough to recognise it.
	maxPage = 4 << 10

	// slightSkew gets a warning; wrongSkew is the skew from which WeChat Pay refuses signatures
	// (pay.weixin.qq.com doc 4012072670: five minutes).
	slightSkew = time.Minute
	wrongSkew  = 5 * time.Minute
)

// address is one address of WeChat Pay.
type address struct {
	check Check
	url   string
	path  string // of a GET that changes nothing at any gateway
}

// addresses are those that the configuration leads to.
func (e *examination) addresses() []address {
	// The link has one path for each operation. A GET of it is refused without a query.
	if e.settings.API == order.WXCloudRun {
		return []address{{privateLinkCheck, e.settings.CloudRunURL, "/_/pay/queryorder"}}
	}
	path := map[order.Region]string{
		order.Mainland: "/v3/certificates", order.Global: "/v3/global/certificates", order.HongKong: "/hk/v3/certificates",
	}[e.settings.Region]
	checks := []Check{mainDomainCheck, backupDomainCheck}
	var list []address
	for i, url := range app.Addresses(e.settings) {
		list = append(list, address{checks[i], url, path})
	}
	return list
}

// checkNetwork probes all addresses at once, and compares the clock with their answers.
func checkNetwork(ctx context.Context, e *examination) []Finding {
	if e.Offline {
		return []Finding{mainDomainCheck.skipped(bilingual.New("not asked, for --offline", "未检查（--offline）"))}
	}
	if e.faults.Has("WXPAY_BASE_URL") || e.faults.Has("WXPAY_BACKUP_URL") || e.faults.Has("WXPAY_CLOUDRUN_URL") {
		return []Finding{mainDomainCheck.skipped(bilingual.New("not asked: its address has a fault", "未检查：地址配置有误"))}
	}
	list := e.addresses()
	probes := make([]probe, len(list))
	var all sync.WaitGroup
	for i, a := range list {
		all.Go(func() { probes[i] = e.probe(ctx, a) })
	}
	all.Wait()
	// Any answer counts, even a proxy's: the findings tell them apart.
	for _, r := range probes {
		if r.err == nil {
			e.reached++
		}
	}
	var clock []Finding
	if e.reached > 0 {
		clock = []Finding{e.clock(list, probes)}
		e.clockAgrees = clock[0].Level == LevelFine
	}
	findings := make([]Finding, 0, len(list)+1)
	for i, a := range list {
		findings = append(findings, probes[i].finding(a, e.clockAgrees))
	}
	return append(findings, clock...)
}

// probe is the result of one probe.
type probe struct {
	err    error
	stage  stage // the last stage that was reached
	took   time.Duration
	status int
	html   bool
	tls    string
	// date is the Date header, zero without one. asked is the middle of the exchange by our clock;
	// the header was written within unsure of it.
	date, asked time.Time
	unsure      time.Duration
}

// stage is the step that a request waits for.
type stage int32

const (
	// stageConnect: the resolution of the name, and a connection.
	stageConnect stage = iota
	// stageTLS: the end of the TLS handshake.
	stageTLS
	// stageReply: the status line.
	stageReply
)

// probe sends an unsigned request to an address. Any answer shows that the address is reachable.
func (e *examination) probe(ctx context.Context, a address) probe {
	// A third of the time for all addresses, which are probed at once, leaves two for the queries.
	limit := maxProbe
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/3)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var at atomic.Int32
	var version atomic.Value // a string
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeStart: func() { at.Store(int32(stageTLS)) },
		TLSHandshakeDone:  func(s tls.ConnectionState, _ error) { version.Store(", " + tls.VersionName(s.Version)) },
		GotConn:           func(httptrace.GotConnInfo) { at.Store(int32(stageReply)) },
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+a.path, nil)
	if err != nil {
		return probe{err: err}
	}
	// APIv3 requires both headers.
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "cloudpay/doctor")
	// A client of its own, so that the probe makes a new connection as a cold instance does.
	client := wechatpay.NewHTTPClient() // the functions' own rules: proxies, roots, time limits
	defer client.CloseIdleConnections()
	sent, wall := time.Now(), e.now()
	reply, err := wire.Exchange(client, request, maxPage)
	took, unsure := time.Since(sent), e.now().Sub(wall)/2
	// Without a reply, the error and the last stage are all there is.
	if reply == nil {
		return probe{err: err, stage: stage(at.Load()), took: took}
	}
	// What is there of the body is enough, whatever else became of it.
	result := probe{took: took, status: reply.HTTPStatus, html: isHTML(reply.Header, reply.Body), asked: wall.Add(unsure), unsure: unsure}
	result.date, _ = http.ParseTime(reply.Header.Get("Date")) // the zero time when it cannot be read
	result.tls, _ = version.Load().(string)                   // empty without TLS
	return result
}

// isHTML tells a page for people from a gateway's reply.
func isHTML(header http.Header, page []byte) bool {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return kind == "text/html" || bytes.HasPrefix(bytes.TrimSpace(page), []byte("<!")) ||
		bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(page)), []byte("<html"))
}

// finding words a probe. clockAgrees rules out that this machine's clock is wrong.
func (r probe) finding(a address, clockAgrees bool) Finding {
	f := Finding{Check: a.check, Level: LevelFine, Subject: a.url}
	switch {
	case r.err != nil:
		f.Level = LevelFault
		if a.check == backupDomainCheck {
			f.Level = LevelWarning // calls work while the main domain does
		}
		f.Found, f.Remedy = r.unreached(clockAgrees)
	case r.html:
		f.Level = LevelWarning
		f.Found = bilingual.Sprintf("answers HTTP %d with a web page, as proxies and sign-in portals do", "返回 HTTP %d 网页，像是代理或认证门户", r.status)
		f.Remedy = bilingual.New("see what stands between this machine and WeChat Pay (HTTPS_PROXY, a firewall)",
			"检查本机与微信支付之间的代理（HTTPS_PROXY）或防火墙")
	// Other statuses are as expected: the request is unsigned.
	case r.status >= http.StatusInternalServerError:
		f.Level = LevelWarning
		f.Found = bilingual.Sprintf("answers HTTP %d", "返回 HTTP %d", r.status)
		f.Remedy = bilingual.New("try again; if it stays, look for a proxy on the way", "请重试；若持续出现，检查途中的代理")
	default:
		f.Found = bilingual.Sprintf("answers, HTTP %d in %d ms%s", "可达，HTTP %d，%d 毫秒%s", r.status, r.took.Milliseconds(), r.tls)
	}
	return f
}

// unreached words why an address did not answer. The cases go from the most to the least specific:
// one error often wraps several of these types.
func (r probe) unreached(clockAgrees bool) (found, remedy bilingual.Text) {
	var (
		timeout   interface{ Timeout() bool }
		notFound  *net.DNSError
		operation *net.OpError
		notTLS    tls.RecordHeaderError
		untrusted *tls.CertificateVerificationError
	)
	switch {
	// net/http reports a proxy's own failures under this operation.
	case errors.As(r.err, &operation) && operation.Op == "proxyconnect":
		return bilingual.New("the proxy on the way cannot be reached", "无法连接代理服务器"),
			bilingual.New("check HTTPS_PROXY and NO_PROXY", "检查 HTTPS_PROXY 与 NO_PROXY")
	case errors.As(r.err, &notFound):
		return bilingual.New("its name cannot be resolved", "域名无法解析"),
			bilingual.New("check the name and this machine's DNS; a function inside a VPC needs a way to the internet",
				"检查域名与本机 DNS；VPC 内的函数需开通公网访问")
	case errors.As(r.err, &untrusted):
		return wrongCertificate(untrusted.Err, clockAgrees)
	// A plain HTTP server answers a TLS hello with text.
	case errors.As(r.err, &notTLS), errors.Is(r.err, http.ErrSchemeMismatch):
		return bilingual.New("what answers there speaks no TLS", "对端不是 TLS 服务"),
			bilingual.New("check the port, and see what stands in between (HTTPS_PROXY, a firewall)", "检查端口，以及途中的代理（HTTPS_PROXY）或防火墙")
	// After the types above, of which some are timeouts as well.
	case errors.As(r.err, &timeout) && timeout.Timeout():
		return r.tooLate()
	case errors.Is(r.err, syscall.ECONNREFUSED):
		return bilingual.New("nothing listens there: the connection was refused", "连接被拒绝：该地址无人监听"),
			bilingual.New("check the address and its port; an emulator may have been stopped", "检查地址与端口；模拟器可能已停止")
	}
	return bilingual.Sprintf("the connection broke off: %s", "连接中断：%s", innermost(r.err)),
		bilingual.New("try again; if it stays, look for a firewall or a proxy on the way", "请重试；若持续出现，检查防火墙或代理")
}

// wrongCertificate words why a server's certificate was refused.
func wrongCertificate(err error, clockAgrees bool) (found, remedy bilingual.Text) {
	var (
		otherHost x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &otherHost):
		return bilingual.New("its TLS certificate is for another name", "其 TLS 证书不属于该域名"),
			bilingual.New("check the address; something on the way may answer in its stead", "检查地址；途中可能有设备冒充应答")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		found = bilingual.New("its TLS certificate is expired or not yet valid", "其 TLS 证书不在有效期内")
		// A clock that was verified cannot be the reason.
		if clockAgrees {
			return found, bilingual.New("see what answers there: this machine's clock is right", "请检查应答方：本机时钟无误")
		}
		return found, bilingual.New("check this machine's clock first", "请先校准本机时钟")
	}
	return bilingual.New("its TLS certificate is not signed by an authority that this machine trusts", "其 TLS 证书不受本机信任"),
		bilingual.New("install the root certificates (package ca-certificates); a proxy that reads TLS traffic cannot be used",
			"安装根证书（ca-certificates）；不可使用会解密 TLS 的代理")
}

// tooLate words a timeout by the stage that was not completed.
func (r probe) tooLate() (found, remedy bilingual.Text) {
	seconds := r.took.Seconds()
	remedy = bilingual.New("check the way out: firewall, security group, a VPC without a way to the internet",
		"检查出网：防火墙、安全组，以及 VPC 是否可访问公网")
	switch r.stage {
	case stageTLS:
		return bilingual.Sprintf("no end of the TLS handshake within %.1f s", "TLS 握手在 %.1f 秒内未完成", seconds), remedy
	case stageReply:
		return bilingual.Sprintf("connected, and no answer within %.1f s", "已连接，但 %.1f 秒内没有应答", seconds),
			bilingual.New("try again; if it stays, look for a proxy on the way", "请重试；若持续出现，检查途中的代理")
	case stageConnect:
	}
	return bilingual.Sprintf("no connection within %.1f s", "%.1f 秒内未能建立连接", seconds), remedy
}

// innermost is the error at the end of the chain: the others repeat the address.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// clock compares our clock with the first address that sent a time, preferring WeChat Pay's to that
// of a proxy's page.
func (e *examination) clock(list []address, probes []probe) Finding {
	best := -1
	// The main domain comes first. A proxy's page counts only if no other reply has a date.
	for i, r := range probes {
		if r.err == nil && !r.date.IsZero() && (best < 0 || probes[best].html && !r.html) {
			best = i
		}
	}
	if best < 0 {
		return clockCheck.skipped(bilingual.New("no reply had a time", "应答中没有时间，无法核对"))
	}
	// The header is cut to whole seconds: the middle of the second is as good a guess as any.
	ahead := probes[best].asked.Sub(probes[best].date.Add(time.Second / 2)).Round(time.Second)
	return e.skew(list[best].url, ahead, probes[best].unsure)
}

// skew words how far our clock is ahead, with an uncertainty of unsure. A wrong clock is a fault
// for APIv3 only, which signs the time.
func (e *examination) skew(of string, ahead, unsure time.Duration) Finding {
	f := Finding{Check: clockCheck, Level: LevelFine, Subject: of}
	f.Found = bilingual.Sprintf("this machine's is %s ahead of the gateway's", "本机比网关快 %s", ahead)
	// Worded by direction, because a sign is easily misread.
	if ahead < 0 {
		f.Found = bilingual.Sprintf("this machine's is %s behind the gateway's", "本机比网关慢 %s", -ahead)
	}
	set := bilingual.New("set this machine's clock (NTP); APIv3 refuses what is signed more than five minutes off",
		"请校准本机时钟（NTP）；APIv3 拒绝时间偏差超过 5 分钟的请求")
	// The measurement is uncertain by half the exchange, and the header by half a second.
	switch off := ahead.Abs(); {
	case off > wrongSkew && e.settings.Has(order.V3):
		f.Level, f.Remedy = LevelFault, set
	case off > slightSkew:
		f.Level, f.Remedy = LevelWarning, set
	case off <= 2*time.Second+unsure:
		f.Found = bilingual.New("agrees with the gateway's", "与网关一致")
	}
	return f
}
