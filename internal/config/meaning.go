package config

// meanings are the README's texts about the variables, by name. They stand apart from the table,
// which every function links: nothing in a function reads them.
var meanings = map[string]string{
	nameAPI: "The protocol of a call that does not choose one with `api`. `wxcloudrun` is the private link" +
		" inside a container of WeChat cloud hosting (微信云托管).",
	"WXPAY_REGION": "Where the merchant is: mainland China, anywhere else, or Hong Kong with its older interface.",
	nameMode: "A merchant closing its own orders, or a service provider closing those of its sub-merchants." +
		" When not set: `partner` if `WXPAY_SUB_MCHID` is set, else `direct`.",
	"WXPAY_APPID": "The appid the merchant number is bound to. An `openid` that an order is registered with is a" +
		" user's below this appid, and combined orders are closed with it.",
	"WXPAY_MCHID": "The own merchant number: the service provider's in partner mode.",
	nameSubMchID:  "The sub-merchant of a partner's call that names none.",
	nameSubAppID:  "The sub-merchant's appid of a partner's call that names none (APIv2 only).",
	nameSubMchIDs: "The only sub-merchants a partner's call may name; any when not set.",
	nameAppIDs: "The only appids whose payments `paynotify` records, where a notification names one; any when" +
		" not set.",
	nameV2Key:            "The APIv2 key. Not the APIv3 key, which is as long.",
	"WXPAY_V2_SIGN_TYPE": "How APIv2 calls are signed.",
	nameSerialNo:         "The serial number of the merchant's API certificate.",
	namePrivateKey:       "The merchant's private key, `apiclient_key.pem`.",
	namePublicKeyID:      "The id of WeChat Pay's public key.",
	namePublicKey:        "WeChat Pay's public key, `pub_key.pem`.",
	nameV3Key: "The APIv3 key, for merchants whose replies are signed by platform certificates: they are" +
		" downloaded with it. With a public key as well, both are accepted, as while WeChat Pay switches" +
		" a merchant over.",
	"WXPAY_CERT_ROOTS": "Certificates that platform certificates must chain to. When not set, they are trusted because" +
		" they were encrypted with the APIv3 key.",
	nameBaseURL: "Where WeChat Pay is: `https`, or `http` where the host is loopback. When not set, the region's:" +
		" `https://api.mch.weixin.qq.com`, for `global` `https://apihk.mch.weixin.qq.com`.",
	nameBackupURL: "Where WeChat Pay is when that address cannot be reached. When neither is set, the region's" +
		" other one: `https://api2.mch.weixin.qq.com`, for `global` and `hk` the other's.",
	"WXPAY_CLOUDRUN_URL": "The private link's address, for `wxcloudrun`.",
	"WXPAY_ROUTE": "Whether TLS ends at WeChat Pay's own host. When not set: `own` where the address is the" +
		" region's, over `https`, with the system's roots (neither `SSL_CERT_FILE` nor `SSL_CERT_DIR` is" +
		" set), `foreign` elsewhere. `own` says it of any address; over plain `http` that is loopback," +
		" for emulators. On a foreign route a query that names the order decides every close and every" +
		" refusal, and `ORDERNOTEXIST` is `unknown`.",
	"WXPAY_CONFIRM_CLOSE": "`1` queries the order after every close that WeChat Pay accepted or refused as closed or paid.",
	"CLOUDPAY_CALLER_POLICY": "Which callers are accepted without authentication. When not set: none. `platform`: direct" +
		" invokes and queues, where only the platform's access management can reach the function. `any`:" +
		" all may close and query, for installations with checks of their own.",
	nameServiceToken: "Authenticates your own services and queues, as the parameter `service_token` or, over HTTP, the" +
		" header `Cloudpay-Service-Token`; they may do everything. Of two values either is accepted," +
		" here and below.",
	nameHTTPToken: "Authenticates HTTP callers, as `Authorization: Bearer …`.",
	nameTimerToken: "Authenticates a timer where the platform does not say that it is one: its trigger's `Message`" +
		" holds the token; at `/sweep` of `web` it is sent as `Authorization: Bearer …`.",
	"CLOUDPAY_HTTP_AUTHORIZER": "The claim of an API gateway's authorizer that authenticates an HTTP caller without that token.",
	nameBehindWXGateway: "`1` believes the headers `X-WX-OPENID` and `X-WX-APPID`. Only for HTTP functions and containers" +
		" that nothing but WeChat's gateway can reach: any other caller could forge them. A request with" +
		" a trace of another way in is not believed.",
	nameWXHosts: "The only names under which WeChat's gateway reaches the function: with any other `Host` those" +
		" two headers are not believed. Any when not set.",
	nameCloudBaseContext: "`1` believes the header `x-cloudbase-context`. Only where every way to the function is a route" +
		" of CloudBase's HTTP access service with `enableAuth`: it is not signed.",
	nameLoginEnv: "The CloudBase environment whose logged-in users may call over HTTP, with their access tokens as" +
		" `Authorization: Bearer …`. When not set: none.",
	nameLoginRegion: "The environment's region, of whose auth service the tokens' keys are fetched. When not set:" +
		" `ap-shanghai`.",
	nameLoginURL: "Where that auth service is, and the only issuer of tokens then: `https`, or `http` where the" +
		" host is loopback. When not set: `https://ENV.REGION.tcb-api.tencentcloudapi.com`.",
	nameLoginWXAppID: "The mini-program whose users log in to that environment by their openid: their orders are then" +
		" those registered with `openid`. Needs `CLOUDPAY_LOGIN_PROVIDER`.",
	nameLoginProvider: "The token's claim that says that a login was by WeChat, and what it says then; a dot leads into" +
		" an object. CloudBase does not document it: look into a token of your own.",
	"CLOUDPAY_CORS_ORIGINS": "The origins whose web pages may call over HTTP, such as `https://shop.example`. None when not" +
		" set.",
	nameRoutes: "The routes of `web`, the function with several; every other path is answered with 404" +
		" (docs/web.md). Those that are not in the default let in callers of their own: WeChat Pay," +
		" timers, scrapers, the pages of CloudBase's templates.",
	nameStore: "The database that keeps the orders to be closed later, whose they are, and what became of them:" +
		" `USER:PASSWORD@HOST:PORT/DATABASE` behind the `//`. When not set there is none. `sqlite` is" +
		" for containers and trials, with functions built with `-tags sqlite`.",
	nameNotifyURL: "Receives the events of registered orders, by POST (docs/events.md): `https`, or `http` where" +
		" the host is loopback. When not set, the events are only kept: `cloudpay orders events` lists" +
		" them.",
	nameNotifyKey: "The key that signs those events; needed with `CLOUDPAY_NOTIFY_URL`. `whsec_` begins the base64" +
		" of a key's 24 to 64 bytes. While two keys are set, the new one first, each signs.",
	nameForwardURL: "Where `paynotify` passes on what it has verified and cannot record (docs/paynotify.md):" +
		" `https`, or `http` where the host is loopback. When not set, WeChat Pay is told to bring that" +
		" again.",
	"CLOUDPAY_NOTIFY_CONCURRENCY": "The most events that a sweep has in flight to the receiver. When not set: as" +
		" `CLOUDPAY_SWEEP_CONCURRENCY` when that is not set, but at most 64.",
	"CLOUDPAY_PRUNE_AFTER": "How long registered orders are kept after their end. A timer of `closeorder` then deletes them," +
		" without an archive, in the time that its sweep has left; orders whose events are not all" +
		" acknowledged stay. When not set, they are kept for good: `cloudpay orders prune` archives and" +
		" deletes them (docs/databases.md).",
	"CLOUDPAY_SWEEP_FIRST": "What a sweep does first with an order that is due. `close` saves a call for each unpaid order.",
	"CLOUDPAY_SWEEP_CONCURRENCY": "The most orders that a sweep has in flight. When not set: a quarter of the function's memory in" +
		" MB, 8 to 128; 16 where the platform does not tell the memory.",
	"CLOUDPAY_SWEEP_PER_SECOND": "The most calls a second of all sweeps together in the merchant's name. It falls while WeChat" +
		" Pay answers that there are too many requests, and grows back.",
	"CLOUDPAY_SWEEP_ATTEMPTS": "The attempts after which an order is given up, for a person to look at. The pauses between them" +
		" grow from a minute to six hours; twelve attempts take twenty hours.",
	"CLOUDPAY_METRICS": "`emf`: a timer's log line has its figures at its top level, where the alarm rules of Tencent's" +
		" CLS read them, and declares them as metrics for CloudWatch (Embedded Metric Format); see" +
		" [alarms.md](docs/alarms.md).",
	nameMetricsToken: "Authenticates a scraper of a container's `GET /metrics` (`Authorization: Bearer`), which has" +
		" the same figures in Prometheus's text format. Without it there is no such path.",
	"CLOUDPAY_LOG_LEVEL": "The least severe log records to write.",
	"CLOUDPAY_CONFIG_FAULTS": "What a misconfigured function does after it has logged its faults: answer every call with" +
		" `CONFIG_ERROR`, or end with code 1. When not set: `exit` in a container, so that a rollout" +
		" stops; `answer` on SCF, CloudBase and Lambda.",
	"CLOUDPAY_LISTEN_HOST": "Where the Go1 runtime and the web server listen; every interface when not set. The emulator" +
		" sets `127.0.0.1`.",
	nameEmulatorClock: "The emulator's: how far its clock was moved on, which the register's clock follows. Any other" +
		" WeChat Pay than one on this machine makes it a fault.",
}
