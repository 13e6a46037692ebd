# The whole of carehub in one image: `carehub gateway`, `relay`, `consume`, `migrate` are commands of it.
FROM python:3.12-slim AS wheels
COPY requirements/core.txt /core.txt
RUN python -m venv /opt/carehub \
 && /opt/carehub/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /core.txt

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/carehub --create-home --shell /usr/sbin/nologin carehub \
 && chmod 0700 /var/lib/carehub
COPY --from=wheels /opt/carehub /opt/carehub
COPY contract /app/contract
COPY mappings /app/mappings
COPY gateway /app/gateway
COPY consumers /app/consumers
COPY migrations /app/migrations
COPY carehub /app/carehub
ENV PATH=/opt/carehub/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CAREHUB_DATA=/var/lib/carehub \
    CAREHUB_LOG_FORMAT=json
USER 10001
WORKDIR /var/lib/carehub
VOLUME /var/lib/carehub
EXPOSE 8080 2575
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health/live', timeout=4)"]
ENTRYPOINT ["python", "-m", "carehub"]
CMD ["gateway", "--host", "0.0.0.0", "--port", "8080"]
