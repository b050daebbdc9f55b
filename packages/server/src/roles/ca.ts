import { apiErrors, type EnrolInfo, enrolInfoCodec, maxEnrolRequestBytes, mediaType, routes } from "@sealane/api";
import { encodeAs } from "@sealane/wire";
import type { FastifyInstance } from "fastify";
import type { CaRole } from "../ca/ca-role.ts";
import { enrol } from "../ca/enrol.ts";
import { proveEnrolment } from "../ca/prove.ts";
import { acceptCbor, cborBody } from "../http/bodies.ts";

/** Routes of the CA role: enrolment. It holds the authority's key and the one that requests are encrypted to. */
export function caRoutes(role: CaRole): (app: FastifyInstance) => Promise<void> {
  const info: EnrolInfo = { authority: role.anchor.der, enrolChain: role.enrolment.certificate.chain };
  const encodedInfo = encodeAs(enrolInfoCodec, info);
  return async (app) => {
    const { enrolmentsPerMinute } = role.limits;
    acceptCbor(app, role.limits);
    const options = {
      bodyLimit: maxEnrolRequestBytes,
      config: { refusal: "ENROL_REFUSED", rateLimit: { max: enrolmentsPerMinute } },
    } as const;
    app.get(routes.enrol, async (_request, reply) => reply.type(mediaType.cbor).send(encodedInfo));
    app.post(routes.enrol, options, async () => {
      throw apiErrors.error("API_VERSION_UNSUPPORTED", { version: 1 }); // whose enrolment nobody could authenticate
    });
    app.post(routes.enrolments, options, async (request, reply) => {
      const enrolled = await enrol(role, cborBody(request));
      request.subject = { terminal: enrolled.terminal };
      return reply.type(mediaType.cbor).send(enrolled.reply);
    });
    app.post(routes.enrolProof, options, async (request, reply) => {
      request.subject = { terminal: await proveEnrolment(role, cborBody(request)) };
      return reply.code(204).send();
    });
  };
}
