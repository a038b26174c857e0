<?php
// Sells tea by wechatpay-php, in APIv3, before an emulated WeChat Pay. After
// `composer require wechatpay/wechatpay`, in three terminals:
//
//   cloudpay gateway
//   php -S 127.0.0.1:8800 wechatpay.php     takes notifications, and logs what was paid
//   php wechatpay.php                       places, queries, refunds and closes
//
// EMULATOR names emulator.json if it is not .cloudpay/emulator.json. Only base_uri is for the
// emulator. Without it the same program calls the real WeChat Pay.
declare(strict_types=1);

require 'vendor/autoload.php';

use WeChatPay\Builder;
use WeChatPay\Crypto\AesGcm;
use WeChatPay\Crypto\Rsa;
use WeChatPay\Formatter;

$emulator = json_decode(file_get_contents(getenv('EMULATOR') ?: '.cloudpay/emulator.json'), true);
$m = $emulator['merchant'];
$publicKey = Rsa::from('file://' . $m['public_key'], Rsa::KEY_TYPE_PUBLIC);

// Takes a notification.
if (PHP_SAPI === 'cli-server') {
    $timestamp = $_SERVER['HTTP_WECHATPAY_TIMESTAMP'] ?? '';
    $body = file_get_contents('php://input');
    $signed = Formatter::response($timestamp, $_SERVER['HTTP_WECHATPAY_NONCE'] ?? '', $body);
    if (($_SERVER['HTTP_WECHATPAY_SERIAL'] ?? '') !== $m['public_key_id']
        || abs(Formatter::timestamp() - (int) $timestamp) > 300
        || !Rsa::verify($signed, $_SERVER['HTTP_WECHATPAY_SIGNATURE'] ?? '', $publicKey)) {
        http_response_code(401); // WeChat Pay repeats it
        return true;
    }
    ['event_type' => $type, 'resource' => $sealed] = json_decode($body, true);
    $text = AesGcm::decrypt($sealed['ciphertext'], $m['v3_key'], $sealed['nonce'], $sealed['associated_data']);
    error_log($type . ' ' . json_decode($text, true)['out_trade_no']);
    http_response_code(204);
    return true;
}

$wxpay = Builder::factory([
    'base_uri' => $emulator['gateway_url'] . '/', // http://127.0.0.1:9800/
    'mchid' => $m['mchid'],
    'serial' => $m['serial'],
    'privateKey' => Rsa::from('file://' . $m['private_key'], Rsa::KEY_TYPE_PRIVATE),
    'certs' => [$m['public_key_id'] => $publicKey],
    // Has replies signed by the public key. Without it they are signed by a certificate.
    'headers' => ['Wechatpay-Serial' => $m['public_key_id']],
]);

$place = function (string $number) use ($wxpay, $m): string {
    $response = $wxpay->v3->pay->transactions->native->post(['json' => [
        'appid' => $m['appid'],
        'mchid' => $m['mchid'],
        'description' => 'Tea, large',
        'out_trade_no' => $number,
        'notify_url' => 'http://127.0.0.1:8800/notify',
        'amount' => ['total' => 100, 'currency' => 'CNY'],
    ]]);
    return json_decode((string) $response->getBody(), true)['code_url'];
};
$query = function (string $number) use ($wxpay, $m): string {
    $response = $wxpay->v3->pay->transactions->outTradeNo->_out_trade_no_->get([
        'query' => ['mchid' => $m['mchid']], 'out_trade_no' => $number,
    ]);
    return json_decode((string) $response->getBody(), true)['trade_state'];
};
$close = function (string $number) use ($wxpay, $m): void {
    $wxpay->v3->pay->transactions->outTradeNo->_out_trade_no_->close->post([
        'json' => ['mchid' => $m['mchid']], 'out_trade_no' => $number,
    ]);
};
$refund = function (string $number, string $refundNumber) use ($wxpay): void {
    $wxpay->v3->refund->domestic->refunds->post(['json' => [
        'out_trade_no' => $number,
        'out_refund_no' => $refundNumber,
        'amount' => ['refund' => 100, 'total' => 100, 'currency' => 'CNY'],
    ]]);
};

$number = 'PH' . date('mdHis');
echo $place($number), PHP_EOL;
// The customer's part, by the emulator's management API.
file_get_contents("{$emulator['admin_url']}/orders/$number/pay", false, stream_context_create(['http' => ['method' => 'POST']]));
echo $query($number), PHP_EOL; // SUCCESS
$refund($number, "R$number");
echo $query($number), PHP_EOL; // REFUND

$place("{$number}x");
$close("{$number}x");
echo $query("{$number}x"), PHP_EOL; // CLOSED
