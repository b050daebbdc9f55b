import { type OrderView, routes } from "@sealane/api";
import { maxOrderBytes } from "@sealane/software";
import type { FastifyInstance } from "fastify";
import { acceptCbor, cborBody } from "../http/bodies.ts";
import { operatorOnly } from "../http/operator-only.ts";
import type { KeyRole } from "../key/key-role.ts";
import { handOnOrder, listOrders } from "../key/orders.ts";

/** Routes of the key role for operators who hand orders on; the server signs none. */
export function orderRoutes(role: KeyRole): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    app.addHook("onRequest", operatorOnly(role.stores.operatorTokens));
    acceptCbor(app, role.limits);
    app.get(routes.orders, async (): Promise<readonly OrderView[]> => await listOrders(role));
    app.post(
      routes.orders,
      { bodyLimit: maxOrderBytes },
      async (request): Promise<OrderView> => await handOnOrder(role, cborBody(request)),
    );
  };
}
