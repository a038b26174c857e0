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

// checkNetwork probes all addresses, and compares the clock with their answers.
func checkNetwork(ctx context.Context, e *examination) []Finding {
	f := mainDomainCheck.about("")
	if e.Offline {
		return []Finding{f.skipped(bilingual.New("not asked, for --offline", "未检查（--offline）"))}
	}
	if e.faults.Has("WXPAY_BASE_URL") || e.faults.Has("WXPAY_BACKUP_URL") || e.faults.Has("WXPAY_CLOUDRUN_URL") {
		return []Finding{f.skipped(bilingual.New("not asked: its address has a fault", "未检查：地址配置有误"))}
	}
	list := e.addresses()
	probes := e.probeAll(ctx, list)
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

// probeAll probes all addresses at once, and counts those that answer. Any answer counts, even a
// proxy's: the findings tell them apart.
func (e *examination) probeAll(ctx context.Context, list []address) []probe {
	probes := make([]probe, len(list))
	var all sync.WaitGroup
	for i, a := range list {
		all.Go(func() { probes[i] = e.probe(ctx, a) })
	}
	all.Wait()
	for _, r := range probes {
		if r.err == nil {
			e.reached++
		}
	}
	return probes
}

// probe is the result of one probe.
type probe struct {
	err    error
	stage  stage // the last stage that was reached
	took   time.Duration
	status int
	html   bool
	tls    string
	// certificate is the server's, nil without TLS; location is where a redirect leads.
	certificate *x509.Certificate
	location    string
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
	ctx, cancel := e.limited(ctx, maxProbe, 3)
	defer cancel()
	return e.exchange(ctx, http.MethodGet, a.url+a.path)
}

// exchange sends a request without a body over a new connection, by the functions' own rules.
func (e *examination) exchange(ctx context.Context, method, url string) probe {
	var progress progress
	request, err := http.NewRequestWithContext(progress.traced(ctx), method, url, nil)
	if err != nil {
		return probe{err: err}
	}
	// APIv3 requires both headers.
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", userAgent)
	// A client of its own, so that the probe makes a new connection as a cold instance does.
	client := wechatpay.NewHTTPClient() // the functions' own rules: proxies, roots, time limits
	defer client.CloseIdleConnections()
	sent, wall := time.Now(), e.now()
	reply, err := wire.Exchange(client, request, maxPage)
	result := probe{err: err, stage: stage(progress.stage.Load()), took: time.Since(sent)}
	if reply == nil {
		return result
	}
	result.tls, _ = progress.version.Load().(string) // empty without TLS
	result.certificate = progress.certificate.Load()
	result.location = reply.Header.Get("Location")
	return result.with(reply, wall, e.now())
}

// userAgent names the origin of each request in the logs of the far side.
const userAgent = "cloudpay/doctor"

// progress is what a request has reached, written by its transport.
type progress struct {
	stage   atomic.Int32
	version atomic.Value // a string: ", TLS 1.3"
	// certificate is the server's; nil without TLS.
	certificate atomic.Pointer[x509.Certificate]
}

// traced is a context whose request writes its progress.
func (p *progress) traced(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeStart: func() { p.stage.Store(int32(stageTLS)) },
		TLSHandshakeDone: func(s tls.ConnectionState, _ error) {
			p.version.Store(", " + tls.VersionName(s.Version))
			if len(s.PeerCertificates) > 0 {
				p.certificate.Store(s.PeerCertificates[0])
			}
		},
		GotConn: func(httptrace.GotConnInfo) { p.stage.Store(int32(stageReply)) },
	})
}

// with adds a reply, which came between two times of the examined clock. The part of its body that
// was read is enough, whatever error ended it.
func (r probe) with(reply *wire.Reply, sent, received time.Time) probe {
	r.err, r.status, r.html = nil, reply.HTTPStatus, isHTML(reply.Header, reply.Body)
	r.unsure = received.Sub(sent) / 2
	r.asked = sent.Add(r.unsure)
	r.date, _ = http.ParseTime(reply.Header.Get("Date")) // the zero time when it cannot be read
	return r
}

// isHTML tells a page for people from a gateway's reply.
func isHTML(header http.Header, page []byte) bool {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return kind == "text/html" || bytes.HasPrefix(bytes.TrimSpace(page), []byte("<!")) ||
		bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(page)), []byte("<html"))
}

// finding words a probe. clockAgrees rules out that this machine's clock is wrong.
func (r probe) finding(a address, clockAgrees bool) Finding {
	f := a.check.about(a.url)
	switch {
	// Calls work without the backup while the main domain does.
	case r.err != nil && a.check == backupDomainCheck:
		return f.warning(r.unreached(clockAgrees))
	case r.err != nil:
		return f.fault(r.unreached(clockAgrees))
	case r.html:
		return f.warning(bilingual.Sprintf("answers HTTP %d with a web page, as proxies and sign-in portals do",
			"返回 HTTP %d 网页，像是代理或认证门户", r.status),
			bilingual.New("see what stands between this machine and WeChat Pay (HTTPS_PROXY, a firewall)",
				"检查本机与微信支付之间的代理（HTTPS_PROXY）或防火墙"))
	// Other statuses are as expected: the request is unsigned.
	case r.status >= http.StatusInternalServerError:
		return f.warning(bilingual.Sprintf("answers HTTP %d", "返回 HTTP %d", r.status), lookForProxy)
	}
	return f.fine(bilingual.Sprintf("answers, HTTP %d in %d ms%s", "可达，HTTP %d，%d 毫秒%s", r.status, r.took.Milliseconds(), r.tls))
}

var lookForProxy = bilingual.New("try again; if it stays, look for a proxy on the way", "请重试；若持续出现，检查途中的代理")

// unreached words why an address did not answer.
func (r probe) unreached(clockAgrees bool) (found, remedy bilingual.Text) {
	for _, obstacle := range obstacles {
		if obstacle.is(r.err) {
			return obstacle.found, obstacle.remedy
		}
	}
	if untrusted, is := errors.AsType[*tls.CertificateVerificationError](r.err); is {
		return wrongCertificate(untrusted.Err, clockAgrees)
	}
	// After the others, of which some are timeouts as well.
	if timeout, is := errors.AsType[net.Error](r.err); is && timeout.Timeout() {
		return r.tooLate()
	}
	return bilingual.Sprintf("the connection broke off: %s", "连接中断：%s", innermost(r.err)),
		bilingual.New("try again; if it stays, look for a firewall or a proxy on the way", "请重试；若持续出现，检查防火墙或代理")
}

// obstacles are the reasons for an address that cannot be reached, the most specific first: one
// error often wraps several of these.
var obstacles = []struct {
	is            func(error) bool
	found, remedy bilingual.Text
}{
	{
		// net/http reports a proxy's own failures under this operation.
		func(err error) bool {
			operation, is := errors.AsType[*net.OpError](err)
			return is && operation.Op == "proxyconnect"
		},
		bilingual.New("the proxy on the way cannot be reached", "无法连接代理服务器"),
		bilingual.New("check HTTPS_PROXY and NO_PROXY", "检查 HTTPS_PROXY 与 NO_PROXY"),
	},
	{
		func(err error) bool { _, is := errors.AsType[*net.DNSError](err); return is },
		bilingual.New("its name cannot be resolved", "域名无法解析"),
		bilingual.New("check the name and this machine's DNS; a function inside a VPC needs a way to the internet",
			"检查域名与本机 DNS；VPC 内的函数需开通公网访问"),
	},
	{
		// A plain HTTP server answers a TLS hello with text.
		func(err error) bool {
			_, is := errors.AsType[tls.RecordHeaderError](err)
			return is || errors.Is(err, http.ErrSchemeMismatch)
		},
		bilingual.New("what answers there speaks no TLS", "对端不是 TLS 服务"),
		bilingual.New("check the port, and see what stands in between (HTTPS_PROXY, a firewall)", "检查端口，以及途中的代理（HTTPS_PROXY）或防火墙"),
	},
	{
		func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) },
		bilingual.New("nothing listens there: the connection was refused", "连接被拒绝：该地址无人监听"),
		bilingual.New("check the address and its port; an emulator may have been stopped", "检查地址与端口；模拟器可能已停止"),
	},
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
			lookForProxy
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
