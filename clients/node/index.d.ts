/** The parameters of cloud.cloudPay.closeOrder; camelCase names are taken, too. */
export interface CloseParams {
  out_trade_no?: string
  outTradeNo?: string
  sub_mch_id?: string
  subMchId?: string
  sub_appid?: string
  subAppid?: string
  nonce_str?: string
  nonceStr?: string
}

/** The parameters of cloud.cloudPay.queryOrder: one of the two numbers names the order. */
export interface QueryParams extends CloseParams {
  transaction_id?: string
  transactionId?: string
}

export interface CallOptions {
  /** True: the call is the shop's own, and reaches every order. Otherwise it is its user's. */
  asService?: boolean
}

export type Outcome =
  | 'closed'
  | 'alreadyClosed'
  | 'paid'
  | 'notFound'
  | 'scheduled'
  | 'withdrawn'
  | 'tooLate'
  | 'found'
  | 'tooSoon'
  | 'refused'
  | 'unknown'

/** cloudPay's keys and the functions' own (docs/api.md). What was not said is absent. */
export interface Result {
  returnCode: 'SUCCESS' | 'FAIL'
  returnMsg: string
  resultCode?: 'SUCCESS' | 'FAIL'
  resultMsg?: string
  errCode?: string
  errCodeDes?: string
  appid?: string
  mchId?: string
  subAppid?: string
  subMchId?: string
  nonceStr?: string
  sign?: string
  outTradeNo?: string
  transactionId?: string
  tradeState?: string
  tradeStateDesc?: string
  tradeType?: string
  bankType?: string
  totalFee?: number
  settlementTotalFee?: number
  feeType?: string
  cashFee?: number
  cashFeeType?: string
  couponFee?: number
  couponCount?: number
  timeEnd?: string
  openid?: string
  subOpenid?: string
  attach?: string
  outcome: Outcome
  retryable: boolean
  /** Seconds to wait before the same call. */
  retryAfter?: number
  attempts: number
  recorded?: boolean
  proof: 'signature' | 'privateLink' | 'none'
  [key: string]: unknown
}

export interface Options {
  /** The functions' CLOUDPAY_SERVICE_TOKEN. */
  serviceToken: string
  /** closeorder if absent. */
  closeFunction?: string
  /** queryorder if absent. */
  queryFunction?: string
}

/** The part of wx-server-sdk that is used. */
export interface Cloud {
  getWXContext(): { OPENID?: string; APPID?: string }
  callFunction(call: { name: string; data: Record<string, string> }): Promise<{ result?: unknown }>
}

/** Thrown before a request for a call that cannot be meant, and after one that had no result. */
export declare class CloudPayError extends Error {
  errCode: -1
  errMsg: string
}

export declare function cloudPay(cloud: Cloud, options: Options): {
  closeOrder(params: CloseParams, call?: CallOptions): Promise<Result>
  queryOrder(params: QueryParams, call?: CallOptions): Promise<Result>
}
